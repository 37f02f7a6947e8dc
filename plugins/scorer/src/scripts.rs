//! Characters that are not what they seem: invisible ones, ones that turn the line round, letters of one alphabet
//! that pass for those of another.

/// Characters without width that have no business inside a Latin word.
pub(crate) fn is_invisible(character: char) -> bool {
    matches!(character, '\u{ad}' | '\u{34f}' | '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{2064}' | '\u{feff}' | '\u{180e}')
}

/// Characters that reverse or isolate the direction of what follows (UAX #9, section 2). The plain marks U+200E and
/// U+200F are ordinary in Arabic and Hebrew.
pub(crate) fn turns_direction(character: char) -> bool {
    matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Pictures among the letters. Digits, arrows and the like are not counted.
pub(crate) fn is_emoji(character: char) -> bool {
    matches!(character, '\u{1f300}'..='\u{1faff}' | '\u{2600}'..='\u{27bf}' | '\u{2b50}' | '\u{2b55}')
        && !matches!(character, '\u{1f3fb}'..='\u{1f3ff}')
}

/// A Cyrillic or Greek letter that looks like a Latin one.
pub(crate) fn is_lookalike(character: char) -> bool {
    matches!(
        character,
        '\u{430}'
            | '\u{435}'
            | '\u{43e}'
            | '\u{440}'
            | '\u{441}'
            | '\u{443}'
            | '\u{445}'
            | '\u{455}'
            | '\u{456}'
            | '\u{458}'
            | '\u{501}'
            | '\u{51b}'
            | '\u{4cf}'
            | '\u{410}'
            | '\u{412}'
            | '\u{415}'
            | '\u{41a}'
            | '\u{41c}'
            | '\u{41d}'
            | '\u{41e}'
            | '\u{420}'
            | '\u{421}'
            | '\u{422}'
            | '\u{425}'
            | '\u{405}'
            | '\u{406}'
            | '\u{408}'
            | '\u{3b1}'
            | '\u{3bf}'
            | '\u{3c1}'
            | '\u{3bd}'
            | '\u{391}'
            | '\u{392}'
            | '\u{395}'
            | '\u{396}'
            | '\u{397}'
            | '\u{399}'
            | '\u{39a}'
            | '\u{39c}'
            | '\u{39d}'
            | '\u{39f}'
            | '\u{3a1}'
            | '\u{3a4}'
            | '\u{3a5}'
            | '\u{3a7}'
    )
}

/// Whether a word is Latin except for letters that only look Latin.
pub(crate) fn is_disguised(word: &str) -> bool {
    let latin = word.chars().filter(char::is_ascii_alphabetic).count();
    let lookalikes = word.chars().filter(|c| is_lookalike(*c)).count();
    let letters = word.chars().filter(|c| c.is_alphabetic()).count();
    latin >= 2 && lookalikes >= 1 && latin + lookalikes == letters
}

/// Whether a word passes for a Latin one without having a Latin letter, as a host name in an imitation does.
pub(crate) fn is_imitation(word: &str) -> bool {
    let mut letters = word.chars().filter(|c| c.is_alphabetic()).peekable();
    letters.peek().is_some() && letters.all(is_lookalike)
}

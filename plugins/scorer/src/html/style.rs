//! What inline styles and presentational attributes say about whether text can be seen.
//!
//! Style sheets are not read: which element a selector means is beyond a check, and a finding must be certain.

use super::page::Spot;

/// A colour as red, green and blue.
pub(crate) type Rgb = [u8; 3];

/// How an element hides its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hiding {
    /// Taken out of the page, as by `display:none`.
    Removed,
    /// Too small to read.
    Tiny,
    /// In the colour of its background.
    Coloured,
}

/// What is inherited from element to element.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Look {
    pub(crate) removed: bool,
    pub(crate) tiny: bool,
    pub(crate) colour: Option<Rgb>,
    pub(crate) background: Background,
}

/// What is behind text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Background {
    /// Nobody said; probably white.
    #[default]
    Unsaid,
    Plain(Rgb),
    /// An image or a gradient.
    Unknown,
}

/// Text of fewer pixels than this cannot be read.
const READABLE_PIXELS_MIN: f32 = 2.0;

/// Colours whose channels all differ by no more than this look alike.
const CHANNEL_DIFFERENCE_MAX: u8 = 6;

impl Look {
    /// How text of this look is hidden, if it is. `sheetless` says that no style sheet can change what is unsaid.
    pub(crate) fn hiding(self, sheetless: bool) -> Option<Hiding> {
        if self.removed {
            return Some(Hiding::Removed);
        }
        if self.tiny {
            return Some(Hiding::Tiny);
        }
        let background = match self.background {
            Background::Plain(colour) => colour,
            Background::Unsaid if sheetless => [255; 3],
            Background::Unsaid | Background::Unknown => return None,
        };
        let near = |(a, b): (&u8, &u8)| a.abs_diff(*b) <= CHANNEL_DIFFERENCE_MAX;
        self.colour?.iter().zip(&background).all(near).then_some(Hiding::Coloured)
    }

    /// Applies the declarations of a `style` attribute, and tells `odd` of what mail programs do not do.
    pub(crate) fn apply_style(&mut self, style: &str, mut odd: impl FnMut(Spot)) {
        if style.contains("var(--") {
            odd(Spot::StyleVariable);
        }
        let mut clipped = false;
        let mut flat = false;
        for declaration in style.split(';') {
            let Some((name, value)) = declaration.split_once(':') else { continue };
            let value = value.trim();
            let value = value.strip_suffix("!important").unwrap_or(value).trim_end();
            match name.trim() {
                name if is(name, "display") => {
                    self.removed |= is(value, "none");
                    if ["flex", "inline-flex", "grid", "inline-grid"].iter().any(|layout| is(value, layout)) {
                        odd(Spot::FlexLayout);
                    }
                }
                name if is(name, "position") && (is(value, "absolute") || is(value, "fixed")) => odd(Spot::Positioned),
                name if name.get(..6).is_some_and(|start| is(start, "margin")) && is_negative(value) => {
                    odd(Spot::NegativeMargin);
                }
                name if is(name, "visibility") => self.removed |= is(value, "hidden"),
                name if is(name, "opacity") => self.removed |= number(value) == Some(0.0),
                name if is(name, "overflow") => clipped |= is(value, "hidden"),
                name if is(name, "max-height") || is(name, "height") => flat |= number(value) == Some(0.0),
                name if is(name, "font-size") => self.apply_size(value),
                name if is(name, "color") => self.colour = colour(value),
                name if is(name, "background") || is(name, "background-color") => {
                    if value.contains("url(") {
                        odd(Spot::BackgroundImage);
                    }
                    self.apply_background(value);
                }
                name if is(name, "background-image") => {
                    if value.contains("url(") {
                        odd(Spot::BackgroundImage);
                    }
                    self.background = Background::Unknown;
                }
                _ => {}
            }
        }
        self.removed |= clipped && flat;
    }

    /// Applies a background colour or a `background` shorthand.
    pub(crate) fn apply_background(&mut self, value: &str) {
        if is(value, "transparent") || is(value, "none") || is(value, "inherit") {
            return;
        }
        let first = value.split_ascii_whitespace().next().unwrap_or(value);
        self.background = colour(value).or_else(|| colour(first)).map_or(Background::Unknown, Background::Plain);
        if value.contains("url(") || value.contains("gradient") {
            self.background = Background::Unknown;
        }
    }

    fn apply_size(&mut self, value: &str) {
        let Some(size) = number(value) else { return };
        let unit = value.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | '-' | '+'));
        let pixels = match unit.trim() {
            "" | "px" | "PX" => size,
            "pt" => size * 4.0 / 3.0,
            "em" | "rem" => size * 16.0,
            "%" => size * 0.16,
            _ => return,
        };
        self.tiny = pixels < READABLE_PIXELS_MIN;
    }
}

/// The colour that a value names, if it is one that can be told without a style sheet.
pub(crate) fn colour(value: &str) -> Option<Rgb> {
    let value = value.trim();
    if let Some(digits) = value.strip_prefix('#') {
        return hexadecimal(digits);
    }
    if let Some(channels) = value.strip_prefix("rgb(").and_then(|rest| rest.strip_suffix(')')) {
        let mut channels = channels.split(',').map(|channel| channel.trim().parse().ok());
        return Some([channels.next()??, channels.next()??, channels.next()??]);
    }
    let named = NAMED.iter().find(|(name, _)| is(value, name));
    named.map(|(_, colour)| *colour).or_else(|| hexadecimal(value))
}

fn hexadecimal(digits: &str) -> Option<Rgb> {
    let digit = |at: usize| char::from(digits.as_bytes()[at]).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    match digits.len() {
        3 => Some([digit(0)? * 17, digit(1)? * 17, digit(2)? * 17]),
        6 => Some([digit(0)? * 16 + digit(1)?, digit(2)? * 16 + digit(3)?, digit(4)? * 16 + digit(5)?]),
        _ => None,
    }
}

/// The number at the start of a value.
fn number(value: &str) -> Option<f32> {
    let end = value.find(|c: char| !c.is_ascii_digit() && !matches!(c, '.' | '-' | '+')).unwrap_or(value.len());
    value[..end].parse().ok()
}

fn is_negative(value: &str) -> bool {
    value.split_ascii_whitespace().any(|side| side.starts_with('-'))
}

fn is(text: &str, lower: &str) -> bool {
    text.eq_ignore_ascii_case(lower)
}

const NAMED: [(&str, Rgb); 9] = [
    ("white", [255, 255, 255]),
    ("black", [0, 0, 0]),
    ("red", [255, 0, 0]),
    ("green", [0, 128, 0]),
    ("blue", [0, 0, 255]),
    ("yellow", [255, 255, 0]),
    ("gray", [128, 128, 128]),
    ("silver", [192, 192, 192]),
    ("snow", [255, 250, 250]),
];

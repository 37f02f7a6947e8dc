//! Finding the next of a few bytes in a long text.

/// Bytes that are looked at together: the sandbox counts rounds of a loop, and one for each byte would take longer than
/// looking at it.
const STRIDE: usize = 16;

/// A set of bytes.
pub(crate) struct ByteSet([bool; 256]);

impl ByteSet {
    pub(crate) const fn of(bytes: &[u8]) -> ByteSet {
        let mut set = [false; 256];
        let mut at = 0;
        while at < bytes.len() {
            set[bytes[at] as usize] = true;
            at += 1;
        }
        ByteSet(set)
    }

    pub(crate) fn has(&self, byte: u8) -> bool {
        self.0[usize::from(byte)]
    }

    /// The first place from `from` on where one of the bytes stands. `from` is at most the length of `text`.
    pub(crate) fn find(&self, text: &[u8], from: usize) -> Option<usize> {
        let (strides, _) = text[from..].as_chunks::<STRIDE>();
        let is_empty = |stride: &&[u8; STRIDE]| !stride.iter().fold(false, |any, byte| any | self.has(*byte));
        let start = from + strides.iter().take_while(is_empty).count() * STRIDE;
        text[start..].iter().position(|byte| self.has(*byte)).map(|further| start + further)
    }

    /// All places where one of the bytes stands.
    pub(crate) fn find_all<'t>(&'static self, text: &'t [u8]) -> impl Iterator<Item = usize> + 't {
        let mut from = 0;
        std::iter::from_fn(move || {
            let found = self.find(text, from)?;
            from = found + 1;
            Some(found)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static MARKS: ByteSet = ByteSet::of(b"!?");

    #[test]
    fn each_place_is_found_wherever_it_lies_in_a_stride() {
        for length in 0..50 {
            let mut text = vec![b'a'; length];
            assert_eq!(MARKS.find_all(&text).next(), None);
            for at in 0..length {
                text[at] = b'!';
                text[length - 1] = b'?';
                let expected: Vec<usize> = if at + 1 < length { vec![at, length - 1] } else { vec![at] };
                assert_eq!(MARKS.find_all(&text).collect::<Vec<_>>(), expected, "{at} of {length}");
                (text[at], text[length - 1]) = (b'a', b'a');
            }
        }
    }
}

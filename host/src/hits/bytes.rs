//! Bytes of records: numbers in few of them, and a reader that never goes beyond the end.

/// Bytes of the longest number.
pub(crate) const NUMBER_BYTES_MAX: usize = 10;

/// LEB128: seven bits a byte, the lowest first.
pub(crate) fn write_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    out.push(number.to_le_bytes()[0]);
}

/// What is not read yet.
pub(crate) struct Rest<'a>(pub(crate) &'a [u8]);

impl<'a> Rest<'a> {
    pub(crate) fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    pub(crate) fn bytes(&mut self, length: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }

    pub(crate) fn text(&mut self, length: usize) -> Option<&'a str> {
        std::str::from_utf8(self.bytes(length)?).ok()
    }

    /// A number as [`write_number`] writes it; `None` for one that does not fit, or has a shorter spelling.
    pub(crate) fn number(&mut self) -> Option<u64> {
        let mut number = 0_u64;
        for at in 0..NUMBER_BYTES_MAX {
            let [byte] = self.take()?;
            let bits = u64::from(byte & 0x7f);
            let shifted = bits.checked_shl(u32::try_from(7 * at).ok()?)?;
            if shifted >> (7 * at) != bits || (at > 0 && byte == 0) {
                return None;
            }
            number |= shifted;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_number_is_read_as_it_was_written(number: u64, small in 0_u64..300) {
            for number in [number, small] {
                let mut bytes = Vec::new();
                write_number(&mut bytes, number);
                let mut rest = Rest(&bytes);
                prop_assert_eq!((rest.number(), rest.is_empty()), (Some(number), true));
                for end in 0..bytes.len() {
                    prop_assert_eq!(Rest(&bytes[..end]).number(), None);
                }
            }
        }
    }

    #[test]
    fn a_number_has_one_spelling_and_a_greatest_value() {
        let mut most = Vec::new();
        write_number(&mut most, u64::MAX);
        assert_eq!(most.len(), NUMBER_BYTES_MAX);
        most[9] = 2;
        for wrong in [&most[..], &[0x80, 0], &[0xff; 11]] {
            assert_eq!(Rest(wrong).number(), None, "{wrong:?}");
        }
    }
}

//! Values that are too large for a row of the primary, which takes 5 MB: the components of plugins. They stand there in
//! parts, named by their SHA-256, and in their place stands a short marker.

use super::primary;
use crate::cluster::Primary;
use crate::hash::sha256;
use crate::store::datum::Datum;
use crate::store::{Result, StoreError};

/// Bytes of a value that stands in its row. What is larger stands in parts.
pub(super) const INLINE_BYTES_MAX: usize = 64 * 1024;
/// Bytes of a part.
const PART_BYTES: usize = 1024 * 1024;
/// Parts of one value: four times the largest plugin.
const PARTS_MAX: usize = 128;
/// What a marker begins with. No value of ours does: components and sealed keys begin otherwise.
const MARK: &[u8] = b"pillarbox blob\0";

/// What stands for a large value.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Marker {
    bytes: usize,
    digest: [u8; 32],
}

impl Marker {
    fn of(value: &[u8]) -> Self {
        Self { bytes: value.len(), digest: sha256(value) }
    }

    fn write(&self) -> Vec<u8> {
        [MARK, &(self.bytes as u64).to_be_bytes(), &self.digest].concat()
    }

    fn read(value: &[u8]) -> Option<Self> {
        let (bytes, digest) = value.strip_prefix(MARK)?.split_first_chunk()?;
        let bytes = usize::try_from(u64::from_be_bytes(*bytes)).ok()?;
        Some(Self { bytes, digest: digest.try_into().ok()? })
    }
}

/// Takes the large values out, leaving their markers, and gives them.
pub(super) fn take_out<'a>(values: impl Iterator<Item = &'a mut Datum>) -> Vec<Vec<u8>> {
    let mut taken = Vec::new();
    for value in values {
        if let Datum::Blob { base64 } = value
            && base64.len() > INLINE_BYTES_MAX
        {
            let marker = Marker::of(base64).write();
            taken.push(std::mem::replace(base64, marker));
        }
    }
    taken
}

/// Puts a large value to the primary. It may be there already, wholly or in part.
pub(super) async fn put(primary: &Primary, value: &[u8]) -> Result<()> {
    let digest = sha256(value);
    check(value.len())?;
    for (part, bytes) in (0..).zip(value.chunks(PART_BYTES)) {
        let ends = primary.ask(&primary::put_part(&digest, part, bytes)).await?;
        primary::all_done(&ends).map_err(StoreError::Primary)?;
    }
    Ok(())
}

/// Puts the large values back in the place of their markers.
pub(super) async fn put_back(primary: &Primary, values: impl Iterator<Item = &mut Datum>) -> Result<()> {
    for value in values {
        if let Datum::Blob { base64 } = value
            && let Some(marker) = Marker::read(base64)
        {
            *base64 = get(primary, marker).await?;
        }
    }
    Ok(())
}

/// A value of so many bytes can stand there.
fn check(bytes: usize) -> Result<()> {
    let fits = bytes.div_ceil(PART_BYTES) <= PARTS_MAX;
    if fits { Ok(()) } else { Err(StoreError::Primary(format!("a value of {bytes} bytes is too large for it"))) }
}

async fn get(primary: &Primary, marker: Marker) -> Result<Vec<u8>> {
    let broken = || StoreError::Primary("a large value of it is not what it was".into());
    check(marker.bytes)?;
    let mut value = Vec::with_capacity(marker.bytes);
    for part in 0.. {
        if value.len() >= marker.bytes {
            break;
        }
        let ends = primary.ask(&primary::part(&marker.digest, part)).await?;
        let bytes = primary::told_part(&ends).map_err(StoreError::Primary)?;
        value.extend(bytes.filter(|bytes| !bytes.is_empty()).ok_or_else(broken)?);
    }
    if sha256(&value) == marker.digest { Ok(value) } else { Err(broken()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_stands_in_its_row_up_to_the_bound_and_outside_beyond_it() {
        let just = vec![7; INLINE_BYTES_MAX];
        let more = vec![7; INLINE_BYTES_MAX + 1];
        let mut values: Vec<Datum> = vec![just.clone().into(), more.clone().into(), "text".into()];
        assert_eq!(take_out(values.iter_mut()), std::slice::from_ref(&more));
        assert_eq!(values[0].blob(), Some(&just[..]));
        let marker = Marker::read(values[1].blob().expect("it is a blob")).expect("it is a marker");
        assert_eq!(marker, Marker::of(&more));
    }

    #[test]
    fn a_value_has_so_many_parts_and_no_more() {
        check(PART_BYTES * PARTS_MAX).expect("it is inside");
        check(PART_BYTES * PARTS_MAX + 1).expect_err("it is outside");
    }

    #[test]
    fn only_a_whole_marker_is_one() {
        let marker = Marker::of(b"value").write();
        assert!(Marker::read(&marker).is_some());
        assert!(Marker::read(&marker[..marker.len() - 1]).is_none());
        assert!(Marker::read(&[&marker[..], b"x"].concat()).is_none());
        assert!(Marker::read(b"\0asm").is_none());
    }
}

//! Lists that are taken apart before their items are read.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// A list of at most `MAX` items that are read one by one later: so that one that is wrong is wrong alone, and that a
/// long list is not held twice.
pub(super) struct Items<'body, const MAX: usize>(pub(super) Vec<&'body RawValue>);

impl<'de: 'body, 'body, const MAX: usize> Deserialize<'de> for Items<'body, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List<'body, const MAX: usize>(PhantomData<&'body ()>);

        impl<'de: 'body, 'body, const MAX: usize> Visitor<'de> for List<'body, MAX> {
            type Value = Items<'body, MAX>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a list of 1 to {MAX} objects")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = list.next_element()? {
                    if items.len() == MAX {
                        return Err(Error::custom(format!("at most {MAX} are taken at once")));
                    }
                    items.push(item);
                }
                if items.is_empty() { Err(Error::custom("the list is empty")) } else { Ok(Items(items)) }
            }
        }
        deserializer.deserialize_seq(List(PhantomData))
    }
}

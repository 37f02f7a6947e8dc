//! Which control tables other nodes have changed since somebody asked: for what the service keeps in memory of them.

use std::collections::BTreeSet;
use std::mem;
use std::sync::{Mutex, PoisonError};

/// The names of tables. There are as many as there are control tables.
#[derive(Default)]
pub(crate) struct Touched(Mutex<BTreeSet<&'static str>>);

impl Touched {
    pub(crate) fn add(&self, tables: Vec<&'static str>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(tables);
    }

    /// Those since the last time.
    pub(crate) fn take(&self) -> BTreeSet<&'static str> {
        mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

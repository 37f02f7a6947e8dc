//! The serving table: which plugin answers for which world, as one value that is replaced whole.

use std::sync::Arc;

use super::{Loaded, World};

/// Which plugins serve. It never changes; an activation puts another one in its place.
#[derive(Debug, Clone, Default)]
pub struct Table {
    /// Counts activations since the start.
    pub generation: u64,
    /// Judges messages.
    pub scorer: Option<Arc<Loaded>>,
    /// Reads notifications.
    pub normalizer: Option<Arc<Loaded>>,
}

impl Table {
    /// The plugin that serves a world.
    pub fn active(&self, world: World) -> Option<&Arc<Loaded>> {
        match world {
            World::Scorer => self.scorer.as_ref(),
            World::Normalizer => self.normalizer.as_ref(),
        }
    }

    /// The table in which this plugin serves its world.
    pub(super) fn with(&self, loaded: Arc<Loaded>) -> Table {
        let mut table = Table { generation: self.generation + 1, ..self.clone() };
        match loaded.world {
            World::Scorer => table.scorer = Some(loaded),
            World::Normalizer => table.normalizer = Some(loaded),
        }
        table
    }
}

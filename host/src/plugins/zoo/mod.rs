//! The hostile zoo: guests that do each thing a plugin must not get away with, and what must come of it.
//!
//! One table holds every case, `cases`. `pillarbox plugin torture` runs it on the machine where the service runs, and
//! the tests run the same table. Most guests are a few lines of text in `tests/fixtures/guests`, whose first line says
//! what they do; the others are too large for a file and are made by a function.

mod answers;
mod assemble;
mod bombs;
mod files;
mod normalizers;
mod nothing;
mod shapes;
mod torture;

use std::borrow::Cow;

use self::assemble::Recipe;
pub use self::torture::{Report, Torture};
use super::limits::Limits;

/// One hostile guest.
pub struct Case {
    /// In lower case with underscores, unique in the zoo.
    pub name: Cow<'static, str>,
    /// What it does, in a sentence.
    pub about: Cow<'static, str>,
    /// What must come of it.
    pub expected: Expected,
    recipe: Recipe,
}

/// What must come of a hostile guest. Where several causes are given, the limits of an operator or the load of the
/// machine decide which it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// It is not admitted, for one of these (`Refusal::code`).
    Refused(&'static [&'static str]),
    /// It is admitted, and each call ends with one of these (`Fault::kind`).
    Fails(&'static [&'static str]),
    /// It is admitted and its answers are taken: within its limits it harms nobody.
    Served,
    /// Of its calls every other one is served, and the others end with this.
    Alternates(&'static str),
}

impl Case {
    /// The file that an operator would be given.
    pub fn bytes(&self, limits: &Limits) -> Vec<u8> {
        self.recipe.bytes(limits)
    }

    /// A case whose sentence is the first line of its text.
    fn told(name: &'static str, recipe: Recipe, expected: Expected) -> Case {
        let about = recipe.first_line().unwrap_or_default();
        Case { name: name.into(), about: about.into(), expected, recipe }
    }
}

/// Every case, those first that admission must stop.
pub fn cases() -> Vec<Case> {
    let kinds = [files::cases(), shapes::cases(), bombs::cases(), nothing::cases(), answers::cases()];
    kinds.into_iter().flatten().chain(normalizers::cases()).collect()
}

/// The text of a guest, which is kept with those of the tests.
macro_rules! text {
    ($name:literal) => {
        include_str!(concat!("../../../../tests/fixtures/guests/", $name, ".wat"))
    };
}

/// A row of a table: `row!(Scorer "endless" => Fails(OUT_OF_CPU))`.
macro_rules! row {
    ($recipe:ident $name:literal => $expected:expr) => {
        $crate::plugins::zoo::Case::told(
            $name,
            $crate::plugins::zoo::assemble::Recipe::$recipe($crate::plugins::zoo::text!($name).into()),
            $expected,
        )
    };
}

use {row, text};

/// A guest that computes for ever is stopped for its CPU time, or on a crowded machine for the time on the wall.
const OUT_OF_CPU: &[&str] = &["out_of_cpu", "out_of_time"];

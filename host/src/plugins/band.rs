//! What a number of points comes to.

use serde::{Deserialize, Serialize};

/// Points from which a message is spam, as mail filters count.
pub const REJECT_POINTS: f64 = 5.0;
/// Points from which a person should look at it again.
pub const REVIEW_POINTS: f64 = 3.0;

/// The verdict that points come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Band {
    /// Below `REVIEW_POINTS`.
    Pass,
    /// From `REVIEW_POINTS`.
    Review,
    /// From `REJECT_POINTS`.
    Reject,
}

impl Band {
    /// Of so many points.
    pub fn of(points: f64) -> Band {
        match points {
            points if points >= REJECT_POINTS => Band::Reject,
            points if points >= REVIEW_POINTS => Band::Review,
            _ => Band::Pass,
        }
    }

    /// The word that answers use.
    pub fn as_str(self) -> &'static str {
        match self {
            Band::Pass => "pass",
            Band::Review => "review",
            Band::Reject => "reject",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_points_are_for_review_and_five_are_spam() {
        let words = [-1.0, 2.99, 3.0, 4.99, 5.0, 50.0].map(|points| Band::of(points).as_str());
        assert_eq!(words, ["pass", "pass", "review", "review", "reject", "reject"]);
    }
}

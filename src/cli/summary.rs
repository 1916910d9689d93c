use std::str::FromStr;

use crate::Result;
use crate::model::by_name;

/// What is printed after the last step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Summary {
    None,
    Short,
    Full,
}

impl Summary {
    pub const ALL: [Summary; 3] = [Summary::None, Summary::Short, Summary::Full];

    pub fn name(self) -> &'static str {
        match self {
            Summary::None => "none",
            Summary::Short => "short",
            Summary::Full => "full",
        }
    }

    pub fn summary(self) -> &'static str {
        match self {
            Summary::None => "Nothing but the score on a test split, if one is left for then",
            Summary::Short => "Bytes at the peak, time, and the hash of the weights",
            Summary::Full => "Tables of bytes by category and by interval, too",
        }
    }
}

impl FromStr for Summary {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        by_name(&Self::ALL, Self::name, name)
    }
}

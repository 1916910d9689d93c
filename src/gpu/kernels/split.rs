use crate::data::SplitShape;

/// What is compiled into kernels that read the resident dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SplitConstants {
    /// Bytes of an input value: 1 or 4.
    value_bytes: usize,
    /// Targets of a sample, in 32-bit words.
    target_words: usize,
    by_four: bool,
}

impl SplitConstants {
    pub fn of(split: SplitShape) -> Self {
        SplitConstants {
            value_bytes: split.value_bytes,
            target_words: split.target_words,
            by_four: split.features.is_multiple_of(4),
        }
    }

    pub(super) fn constants(self) -> [(&'static str, f64); 3] {
        [
            ("VALUE_BYTES", self.value_bytes as f64),
            ("TARGET_WORDS", self.target_words as f64),
            ("IS_BY_FOUR", self.by_four.into()),
        ]
    }
}

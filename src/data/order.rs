//! The order in which an epoch visits the samples.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

/// Fills `rows` with the indices `0..samples` in the order of `epoch`, counted from 0. Reuses the vector's
/// memory.
///
/// The order depends on the seed and the epoch alone: training can resume at any epoch, and every machine
/// gets the same order.
pub fn shuffle(seed: u64, epoch: u64, samples: u32, rows: &mut Vec<u32>) {
    rows.clear();
    rows.extend(0..samples);
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    // The initialiser draws from stream 0.
    rng.set_stream(epoch.wrapping_add(1));
    rows.shuffle(&mut rng);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(seed: u64, epoch: u64, samples: u32) -> Vec<u32> {
        let mut rows = vec![7; 3];
        shuffle(seed, epoch, samples, &mut rows);
        rows
    }

    #[test]
    fn shuffle_visits_every_sample_once_and_differs_by_seed_and_epoch() {
        let shuffled = |seed, epoch| rows(seed, epoch, 1000);
        let mut sorted = shuffled(0, 0);
        sorted.sort_unstable();
        assert!(sorted.into_iter().eq(0..1000));
        assert_eq!(shuffled(3, 9), shuffled(3, 9));
        assert_ne!(shuffled(3, 9), shuffled(3, 10));
        assert_ne!(shuffled(3, 9), shuffled(4, 9));
    }

    /// A dependency that draws other numbers would change every seeded run.
    #[test]
    fn shuffled_order_is_pinned() {
        assert_eq!(rows(0, 0, 10), [0, 6, 4, 3, 8, 9, 7, 2, 5, 1]);
        assert_eq!(rows(42, 3, 10), [4, 9, 1, 6, 2, 3, 8, 0, 7, 5]);
    }
}

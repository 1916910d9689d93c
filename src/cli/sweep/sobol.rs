//! Sobol points: a sequence that fills the unit cube evenly (Sobol 1967).

/// Degree, coefficients and initial direction numbers of the primitive polynomials of dimensions 2 to 21, from
/// `new-joe-kuo-6.21201` (Joe & Kuo 2008).
const POLYNOMIALS: [(usize, u32, &[u32]); 20] = [
    (1, 0, &[1]),
    (2, 1, &[1, 3]),
    (3, 1, &[1, 3, 1]),
    (3, 2, &[1, 1, 1]),
    (4, 1, &[1, 1, 3, 3]),
    (4, 4, &[1, 3, 5, 13]),
    (5, 2, &[1, 1, 5, 5, 17]),
    (5, 4, &[1, 1, 5, 5, 5]),
    (5, 7, &[1, 1, 7, 11, 19]),
    (5, 11, &[1, 1, 5, 1, 1]),
    (5, 13, &[1, 1, 1, 3, 11]),
    (5, 14, &[1, 3, 5, 5, 31]),
    (6, 1, &[1, 3, 3, 9, 7, 49]),
    (6, 13, &[1, 1, 1, 15, 21, 21]),
    (6, 16, &[1, 3, 1, 13, 27, 49]),
    (6, 19, &[1, 1, 1, 15, 7, 5]),
    (6, 22, &[1, 3, 1, 15, 13, 25]),
    (6, 25, &[1, 1, 5, 5, 19, 61]),
    (7, 1, &[1, 3, 7, 11, 23, 15, 103]),
    (7, 4, &[1, 3, 7, 13, 13, 15, 69]),
];

/// Most dimensions.
pub(super) const MOST_DIMENSIONS: usize = POLYNOMIALS.len() + 1;

/// Bits of a coordinate.
const BITS: usize = 32;

/// Point `index`, counted from 0, in so many `dimensions`; each coordinate is at least 0 and below 1. Points are in the order of
/// Antonov & Saleev (1979), as Joe & Kuo and SciPy have them.
pub(super) fn point(index: u32, dimensions: usize) -> Vec<f64> {
    let gray = index ^ (index >> 1);
    let coordinate = |dimension| {
        let bits = directions(dimension).into_iter().enumerate().filter(|(bit, _)| gray >> bit & 1 == 1);
        let word = bits.fold(0, |word, (_, direction)| word ^ direction);
        f64::from(word) / 2f64.powi(BITS as i32)
    };
    (0..dimensions.min(MOST_DIMENSIONS)).map(coordinate).collect()
}

/// Direction numbers of a dimension, one for each bit of the index, as binary fractions.
fn directions(dimension: usize) -> [u32; BITS] {
    let mut numbers = [0; BITS];
    let polynomial = dimension.checked_sub(1).and_then(|at| POLYNOMIALS.get(at));
    for bit in 0..BITS {
        numbers[bit] = match polynomial {
            None => 1 << (BITS - 1 - bit),
            Some(&(degree, _, initial)) if bit < degree => initial[bit] << (BITS - 1 - bit),
            Some(&(degree, coefficients, _)) => {
                let first = numbers[bit - degree];
                let terms = (1..degree).filter(|term| coefficients >> (degree - 1 - term) & 1 == 1);
                terms.fold(first ^ (first >> degree), |word, term| word ^ numbers[bit - term])
            }
        };
    }
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first ten points that Joe & Kuo publish with their generator, in three dimensions.
    #[test]
    fn first_points_are_those_that_are_published() {
        let published = [
            [0.0, 0.0, 0.0],
            [0.5, 0.5, 0.5],
            [0.75, 0.25, 0.25],
            [0.25, 0.75, 0.75],
            [0.375, 0.375, 0.625],
            [0.875, 0.875, 0.125],
            [0.625, 0.125, 0.875],
            [0.125, 0.625, 0.375],
            [0.1875, 0.3125, 0.9375],
            [0.6875, 0.8125, 0.4375],
        ];
        for (index, expected) in published.iter().enumerate() {
            assert_eq!(point(index as u32, 3), expected, "{index}");
        }
    }

    /// Point 37 of `scipy.stats.qmc.Sobol(21, scramble=False)`.
    #[test]
    fn every_dimension_is_that_of_scipy() {
        let expected = [
            0.921875, 0.640625, 0.578125, 0.921875, 0.765625, 0.296875, 0.171875, 0.796875, 0.609375,
            0.171875, 0.015625, 0.078125, 0.578125, 0.859375, 0.109375, 0.484375, 0.796875, 0.421875,
            0.046875, 0.140625, 0.953125,
        ];
        assert_eq!(point(37, MOST_DIMENSIONS), expected);
    }

    /// Each interval of length 2⁻ᵐ holds one of the first 2ᵐ points, in every dimension.
    #[test]
    fn every_dimension_is_filled_evenly() {
        let points: Vec<_> = (0..256).map(|index| point(index, MOST_DIMENSIONS)).collect();
        for dimension in 0..MOST_DIMENSIONS {
            let mut cells: Vec<_> = points.iter().map(|point| (256.0 * point[dimension]) as u32).collect();
            cells.sort_unstable();
            assert!(cells.into_iter().eq(0..256), "dimension {dimension}");
        }
    }
}

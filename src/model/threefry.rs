/// Rotations of the rounds, in turns.
const ROTATIONS: [u32; 8] = [13, 15, 26, 6, 17, 29, 16, 24];
/// The fewest rounds that pass the tests of BigCrush.
const ROUNDS: usize = 13;
const PARITY: u32 = 0x1bd1_1bda;

/// Two random words for `counter` under `key`: Threefry-2x32 of 13 rounds (Salmon et al. 2011), which needs no state.
#[inline(always)]
pub(crate) fn threefry(key: [u32; 2], counter: [u32; 2]) -> [u32; 2] {
    let keys = [key[0], key[1], PARITY ^ key[0] ^ key[1]];
    let (mut low, mut high) = (counter[0].wrapping_add(keys[0]), counter[1].wrapping_add(keys[1]));
    for round in 0..ROUNDS {
        if round > 0 && round % 4 == 0 {
            let turn = round / 4;
            low = low.wrapping_add(keys[turn % 3]);
            high = high.wrapping_add(keys[(turn + 1) % 3]).wrapping_add(turn as u32);
        }
        low = low.wrapping_add(high);
        high = high.rotate_left(ROTATIONS[round % 8]) ^ low;
    }
    [low, high]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of the file `kat_vectors` of Random123, by the generator's authors.
    #[test]
    fn words_are_those_that_its_authors_publish() {
        for (counter, key, expected) in [
            ([0, 0], [0, 0], [0x9d1c_5ec6, 0x8bd5_0731]),
            ([u32::MAX; 2], [u32::MAX; 2], [0xfd36_d048, 0x2d17_272c]),
            ([0x243f_6a88, 0x85a3_08d3], [0x1319_8a2e, 0x0370_7344], [0xba3e_4725, 0xf27d_669e]),
        ] {
            assert_eq!(threefry(key, counter), expected);
        }
    }
}

// Products whose operands are staged in workgroup memory, a k tile at a time. The host's src/gpu/pipelines/staged.rs writes the kernel,
// whose loops are unrolled; this file is what it calls.
//
// Past the summed dimension, rounded up to four as in all tilings, terms are -0 · 0. These change no sum, so no result depends
// on the depth of k tiles.

// `true` if no k tile has such terms.
override HAS_WHOLE_K_TILES: bool;

// `true` if k is within the summed dimension, rounded up to four.
fn is_within_depth(k: u32) -> bool {
    return HAS_WHOLE_K_TILES || k < (depth() + 3u) / 4u * 4u;
}

// Four values of the left operand: of row `index` from k on, or of four rows from `index` on at k.
fn left_vector(index: u32, k: u32) -> vec4f {
    let extent = extent();
    if LEFT_IS_K_MAJOR {
        let vector = left_four(min(index, extent.rows - 1u), inside(k, extent.depth));
        return select(vec4f(-0.0), vector, is_within_depth(k));
    }
    let vector = left_four(min(k, extent.depth - 1u), inside(index, extent.rows));
    let rest = select(vec4f(-0.0), vec4f(), is_within_depth(k));
    return select(rest, vector, HAS_WHOLE_K_TILES || k < extent.depth);
}

// Four values of the right operand: of column `index` from k on, or of four columns from `index` on at k.
fn right_vector(index: u32, k: u32) -> vec4f {
    let extent = extent();
    if RIGHT_IS_K_MAJOR {
        let vector = right_four(min(index, extent.columns - 1u), inside(k, extent.depth));
        return select(vec4f(), vector, is_within_depth(k));
    }
    let vector = right_four(min(k, extent.depth - 1u), inside(index, extent.columns));
    return select(vec4f(), vector, is_within_depth(k));
}

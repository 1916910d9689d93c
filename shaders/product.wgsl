// The matrix product that forward, delta and gradient have in common.
//
// Each invocation makes an 8 × 8 block of the answer in registers, as four mat4x4f, and walks the dimension that is
// summed over in steps of four, always in the same order. A kernel adds to this file
//   extent()               the answer's rows and columns, and how many numbers each sums over
//   left_block(row, k)     four rows of the left operand from k on, a row in each column of the matrix
//   right_block(column, k) four columns of the right operand from k on, so that right * left is a block whose
//                          columns are the answer's rows
//   store(row, column, sum)
//   finish(row, column)    once a block, after its last store

override GROUP_COLUMNS: u32;
override GROUP_ROWS: u32;

struct Sizes {
    batch: u32,
    inputs: u32,
    outputs: u32,
    rate: f32,
}

struct Extent {
    rows: u32,
    columns: u32,
    depth: u32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;

@compute @workgroup_size(GROUP_COLUMNS, GROUP_ROWS)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let row = id.y * 8u;
    let column = id.x * 8u;
    let extent = extent();
    if row >= extent.rows || column >= extent.columns {
        return;
    }

    var c00 = mat4x4f();
    var c01 = mat4x4f();
    var c10 = mat4x4f();
    var c11 = mat4x4f();
    for (var k = 0u; k < extent.depth; k += 4u) {
        let a0 = left_block(row, k);
        let a1 = left_block(row + 4u, k);
        let b0 = right_block(column, k);
        let b1 = right_block(column + 4u, k);
        c00 += b0 * a0;
        c01 += b1 * a0;
        c10 += b0 * a1;
        c11 += b1 * a1;
    }
    store_block(row, column, c00);
    store_block(row, column + 4u, c01);
    store_block(row + 4u, column, c10);
    store_block(row + 4u, column + 4u, c11);
    finish(row, column);
}

fn store_block(row: u32, column: u32, block: mat4x4f) {
    store_four(row, column, block[0]);
    store_four(row + 1u, column, block[1]);
    store_four(row + 2u, column, block[2]);
    store_four(row + 3u, column, block[3]);
}

fn store_four(row: u32, column: u32, sums: vec4f) {
    let extent = extent();
    if row >= extent.rows {
        return;
    }
    if column < extent.columns { store(row, column, sums.x); }
    if column + 1u < extent.columns { store(row, column + 1u, sums.y); }
    if column + 2u < extent.columns { store(row, column + 2u, sums.z); }
    if column + 3u < extent.columns { store(row, column + 3u, sums.w); }
}

// Four rows of an operand, a row in each column of the matrix. Past the operand's edges these repeat what is inside:
// a block's rows and columns past the answer's are not stored, and past the depth the other operand's numbers are
// zero.

fn left_rows(row: u32, column: u32, rows: u32, width: u32) -> mat4x4f {
    let last = rows - 1u;
    let start = inside(column, width);
    return mat4x4f(
        left_at(min(row, last), start, width),
        left_at(min(row + 1u, last), start, width),
        left_at(min(row + 2u, last), start, width),
        left_at(min(row + 3u, last), start, width),
    );
}

fn right_rows(row: u32, column: u32, rows: u32, width: u32) -> mat4x4f {
    let last = rows - 1u;
    let start = inside(column, width);
    return mat4x4f(
        right_at(min(row, last), start, width),
        right_at(min(row + 1u, last), start, width),
        right_at(min(row + 2u, last), start, width),
        right_at(min(row + 3u, last), start, width),
    );
}

fn inside(column: u32, width: u32) -> u32 {
    return min(column, (width - 1u) / 4u * 4u);
}

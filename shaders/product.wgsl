// The matrix product that forward, delta and gradient share.
//
// Blocks of 4 × 4 elements are computed in registers, and all step through the summed dimension by four, in the same order.
// Added to this file are one that assigns blocks to invocations, and a kernel with
//   extent()               rows and columns of the result, and the summed dimension
//   left_block(row, k)     four rows of the left operand from k on, a row in each column of the matrix
//   right_block(column, k) four columns of the right operand from k on, so that right * left is a block whose
//                          columns are the result's rows
//   store(row, column, sum)
//   sums_rows()            `true` if the kernel also uses the sum of each row of the left operand
//   take_row_sum(row, sum)
//   finish()               called by each invocation after all of these

struct Sizes {
    batch: u32,
    inputs: u32,
    outputs: u32,
    // Recorded if a parameter of the layer is NaN or infinite.
    place: u32,
}

struct Extent {
    rows: u32,
    columns: u32,
    depth: u32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;

// The summed dimension. The bound never binds, but if a uniform alone bounds a loop of a few iterations, lavapipe (Mesa
// 22.3) compiles the kernel anew for every dispatch.
fn depth() -> u32 {
    return min(extent().depth, 4u * arrayLength(&left));
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

// `sums` of four rows of the left operand, plus their next four values.
fn row_sums(sums: vec4f, left: mat4x4f) -> vec4f {
    let columns = transpose(left);
    return sums + columns[0] + columns[1] + columns[2] + columns[3];
}

fn take_row_sums(row: u32, sums: vec4f) {
    take_row_sum(row, sums.x);
    take_row_sum(row + 1u, sums.y);
    take_row_sum(row + 2u, sums.z);
    take_row_sum(row + 3u, sums.w);
}

// Four rows of an operand, a row in each column of the matrix. Past the operand's edges these repeat values inside: a
// block's rows and columns past the result's are not stored, and past the summed dimension the other operand is zero.

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

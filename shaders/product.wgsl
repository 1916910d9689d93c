// The matrix product that forward, delta and gradient share.
//
// Added to this file are one that assigns elements of the result to invocations, and a kernel with
//   tile_of(group)              column and row, in tiles, of what a workgroup computes
//   extent()                    rows and columns of the result, and the summed dimension
//   left_words()                at least a quarter of the summed dimension
//   left_four(row, column)      four values of a row of the left operand, as it lies in memory
//   right_four(row, column)     the same of the right operand
//   initial_four(row, columns)  what sums start from; columns may be past the edge
//   store_four(row, columns, sums)  uses four elements of a row of the result; columns may be past its edge
//   sums_rows()                 `true` if the kernel also uses the sum of each row of the left operand
//   initial_row_sums(row)       what the sums of four rows from `row` on start from
//   take_row_sums(row, sums)    uses the sums of four rows from `row` on, which may be past the edge
//   finish()                    called by each invocation after all of these

// `true` if the summed dimension lies along the operand's rows in memory, `false` if it lies across them.
override LEFT_IS_K_MAJOR: bool;
override RIGHT_IS_K_MAJOR: bool;

struct Extent {
    rows: u32,
    columns: u32,
    depth: u32,
}

// The summed dimension. The bound never binds, but if a uniform alone bounds a loop of a few iterations, lavapipe (Mesa
// 22.3) compiles the kernel anew for every dispatch.
fn depth() -> u32 {
    return min(extent().depth, 4u * left_words());
}

fn initial_block(row: u32, column: u32) -> mat4x4f {
    let columns = four_from(column);
    let last = extent().rows - 1u;
    return mat4x4f(
        initial_four(min(row, last), columns),
        initial_four(min(row + 1u, last), columns),
        initial_four(min(row + 2u, last), columns),
        initial_four(min(row + 3u, last), columns),
    );
}

fn four_from(first: u32) -> vec4u {
    return first + vec4u(0u, 1u, 2u, 3u);
}

// `sums` of four rows of the left operand, plus their next four values.
fn row_sums(sums: vec4f, left: mat4x4f) -> vec4f {
    let columns = transpose(left);
    return sums + columns[0] + columns[1] + columns[2] + columns[3];
}

// Past the operands' edges, blocks repeat values inside: rows and columns past the result's are not stored, and past the
// summed dimension one operand is zero.

// Four rows of the left operand from k on, a row in each column of the matrix.
fn left_block(row: u32, k: u32) -> mat4x4f {
    let extent = extent();
    if LEFT_IS_K_MAJOR {
        return left_rows(row, k, extent.rows, extent.depth);
    }
    let steps = left_rows(k, row, extent.depth, extent.rows);
    let zero = vec4f();
    return transpose(mat4x4f(
        steps[0],
        select(zero, steps[1], k + 1u < extent.depth),
        select(zero, steps[2], k + 2u < extent.depth),
        select(zero, steps[3], k + 3u < extent.depth),
    ));
}

// Four columns of the right operand from k on, a step in each column of the matrix.
fn right_block(column: u32, k: u32) -> mat4x4f {
    let extent = extent();
    if RIGHT_IS_K_MAJOR {
        return transpose(right_rows(column, k, extent.columns, extent.depth));
    }
    return right_rows(k, column, extent.depth, extent.columns);
}

fn left_rows(row: u32, column: u32, rows: u32, width: u32) -> mat4x4f {
    let last = rows - 1u;
    let start = inside(column, width);
    return mat4x4f(
        left_four(min(row, last), start),
        left_four(min(row + 1u, last), start),
        left_four(min(row + 2u, last), start),
        left_four(min(row + 3u, last), start),
    );
}

fn right_rows(row: u32, column: u32, rows: u32, width: u32) -> mat4x4f {
    let last = rows - 1u;
    let start = inside(column, width);
    return mat4x4f(
        right_four(min(row, last), start),
        right_four(min(row + 1u, last), start),
        right_four(min(row + 2u, last), start),
        right_four(min(row + 3u, last), start),
    );
}

fn inside(column: u32, width: u32) -> u32 {
    return min(column, (width - 1u) / 4u * 4u);
}

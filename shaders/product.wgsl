// What the three products share. Each invocation makes an 8 × 8 block of the answer in registers, as four
// mat4x4f, and walks the dimension that is summed over in steps of four, always in the same order.

override GROUP_COLUMNS: u32;
override GROUP_ROWS: u32;

struct Sizes {
    batch: u32,
    inputs: u32,
    outputs: u32,
    rate: f32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;

// Four rows of an operand from `column` on, a row in each column of the matrix. Rows past `rows` repeat the last.
fn left_rows(row: u32, column: u32, rows: u32, width: u32) -> mat4x4f {
    let last = rows - 1u;
    return mat4x4f(
        left_at(min(row, last), column, width),
        left_at(min(row + 1u, last), column, width),
        left_at(min(row + 2u, last), column, width),
        left_at(min(row + 3u, last), column, width),
    );
}

fn right_rows(row: u32, column: u32, rows: u32, width: u32) -> mat4x4f {
    let last = rows - 1u;
    return mat4x4f(
        right_at(min(row, last), column, width),
        right_at(min(row + 1u, last), column, width),
        right_at(min(row + 2u, last), column, width),
        right_at(min(row + 3u, last), column, width),
    );
}

// The second group of four columns of a block, moved back inside where the matrix ends before it.
fn second_four(column: u32, width: u32) -> u32 {
    return min(column + 4u, (width - 1u) / 4u * 4u);
}

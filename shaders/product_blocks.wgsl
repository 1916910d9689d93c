// Products in blocks of 8 × 8 elements, one an invocation.

override GROUP_COLUMNS: u32;
override GROUP_ROWS: u32;

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
    var sums0 = vec4f();
    var sums1 = vec4f();
    let depth = depth();
    for (var k = 0u; k < depth; k += 4u) {
        let a0 = left_block(row, k);
        let a1 = left_block(row + 4u, k);
        let b0 = right_block(column, k);
        let b1 = right_block(column + 4u, k);
        c00 = multiply_add(c00, b0, a0);
        c01 = multiply_add(c01, b1, a0);
        c10 = multiply_add(c10, b0, a1);
        c11 = multiply_add(c11, b1, a1);
        if sums_rows() && column == 0u {
            sums0 = row_sums(sums0, a0);
            sums1 = row_sums(sums1, a1);
        }
    }
    store_block(row, column, c00);
    store_block(row, column + 4u, c01);
    store_block(row + 4u, column, c10);
    store_block(row + 4u, column + 4u, c11);
    if sums_rows() && column == 0u {
        take_row_sums(row, sums0);
        take_row_sums(row + 4u, sums1);
    }
    finish();
}

// Products in blocks of 8 × 8 elements, one an invocation.

override GROUP_COLUMNS: u32;
override GROUP_ROWS: u32;

// What invocations have computed, four elements of a row at a time. Each reads its own in a loop, so that what the kernel
// does with them stands in its code once.
var<workgroup> results: array<vec4f, 16u * GROUP_COLUMNS * GROUP_ROWS>;

@compute @workgroup_size(GROUP_COLUMNS, GROUP_ROWS)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) id: vec3u) {
    let tile = tile_of(group);
    let row = 8u * (tile.y * GROUP_ROWS + id.y);
    let column = 8u * (tile.x * GROUP_COLUMNS + id.x);
    let extent = extent();
    if row >= extent.rows || column >= extent.columns {
        return;
    }

    var c00 = initial_block(row, column);
    var c01 = initial_block(row, column + 4u);
    var c10 = initial_block(row + 4u, column);
    var c11 = initial_block(row + 4u, column + 4u);
    var sums0 = initial_row_sums(row);
    var sums1 = initial_row_sums(row + 4u);
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
    let lane = id.y * GROUP_COLUMNS + id.x;
    keep_block(0u, lane, c00);
    keep_block(4u, lane, c01);
    keep_block(8u, lane, c10);
    keep_block(12u, lane, c11);
    for (var part = 0u; part < 16u; part++) {
        let own_row = row + part / 8u * 4u + part % 4u;
        if own_row < extent.rows {
            store_four(own_row, four_from(column + part / 4u % 2u * 4u), results[place_of(part, lane)]);
        }
    }
    if sums_rows() && column == 0u {
        for (var half = 0u; half < 2u; half++) {
            take_row_sums(row + 4u * half, select(sums0, sums1, half == 1u));
        }
    }
    finish();
}

fn place_of(part: u32, lane: u32) -> u32 {
    return part * GROUP_COLUMNS * GROUP_ROWS + lane;
}

fn keep_block(part: u32, lane: u32, block: mat4x4f) {
    results[place_of(part, lane)] = block[0];
    results[place_of(part + 1u, lane)] = block[1];
    results[place_of(part + 2u, lane)] = block[2];
    results[place_of(part + 3u, lane)] = block[3];
}

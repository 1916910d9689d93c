// Products in blocks of 32 × 32 elements, one for each workgroup of eight lanes of one subgroup. Each lane computes four
// columns, and reads four rows of the left operand, which it shares with the others.

// What lanes have computed, four elements of a row at a time. Each reads its own in a loop, so that what the kernel does with
// them stands in its code once.
var<workgroup> results: array<vec4f, 256>;

@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) id: vec3u) {
    let tile = tile_of(group);
    let row = 32u * tile.y;
    let column = 32u * tile.x + 4u * id.x;
    let depth = depth();

    var c0 = initial_block(row, column);
    var c1 = initial_block(row + 4u, column);
    var c2 = initial_block(row + 8u, column);
    var c3 = initial_block(row + 12u, column);
    var c4 = initial_block(row + 16u, column);
    var c5 = initial_block(row + 20u, column);
    var c6 = initial_block(row + 24u, column);
    var c7 = initial_block(row + 28u, column);
    var sums = initial_row_sums(row + 4u * id.x);
    for (var k = 0u; k < depth; k += 4u) {
        let left = left_block(row + 4u * id.x, k);
        let right = right_block(column, k);
        c0 = multiply_add(c0, right, of_lane(left, 0u));
        c1 = multiply_add(c1, right, of_lane(left, 1u));
        c2 = multiply_add(c2, right, of_lane(left, 2u));
        c3 = multiply_add(c3, right, of_lane(left, 3u));
        c4 = multiply_add(c4, right, of_lane(left, 4u));
        c5 = multiply_add(c5, right, of_lane(left, 5u));
        c6 = multiply_add(c6, right, of_lane(left, 6u));
        c7 = multiply_add(c7, right, of_lane(left, 7u));
        if sums_rows() {
            sums = row_sums(sums, left);
        }
    }
    keep_block(0u, id.x, c0);
    keep_block(4u, id.x, c1);
    keep_block(8u, id.x, c2);
    keep_block(12u, id.x, c3);
    keep_block(16u, id.x, c4);
    keep_block(20u, id.x, c5);
    keep_block(24u, id.x, c6);
    keep_block(28u, id.x, c7);
    for (var part = 0u; part < 32u; part++) {
        if row + part < extent().rows {
            store_four(row + part, four_from(column), results[8u * part + id.x]);
        }
    }
    if sums_rows() && tile.x == 0u {
        take_row_sums(row + 4u * id.x, sums);
    }
    finish();
}

fn keep_block(row: u32, lane: u32, block: mat4x4f) {
    results[8u * row + lane] = block[0];
    results[8u * row + 8u + lane] = block[1];
    results[8u * row + 16u + lane] = block[2];
    results[8u * row + 24u + lane] = block[3];
}

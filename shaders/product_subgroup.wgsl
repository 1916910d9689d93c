// Products in blocks of 32 × 32 elements, one for each workgroup of eight lanes of one subgroup. Each lane computes four
// columns, and reads four rows of the left operand, which it shares with the others.

@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) id: vec3u) {
    let row = 32u * group.y;
    let column = 32u * group.x + 4u * id.x;
    let depth = depth();

    var c0 = mat4x4f();
    var c1 = mat4x4f();
    var c2 = mat4x4f();
    var c3 = mat4x4f();
    var c4 = mat4x4f();
    var c5 = mat4x4f();
    var c6 = mat4x4f();
    var c7 = mat4x4f();
    var sums = vec4f();
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
    store_block(row, column, c0);
    store_block(row + 4u, column, c1);
    store_block(row + 8u, column, c2);
    store_block(row + 12u, column, c3);
    store_block(row + 16u, column, c4);
    store_block(row + 20u, column, c5);
    store_block(row + 24u, column, c6);
    store_block(row + 28u, column, c7);
    if sums_rows() && group.x == 0u {
        take_row_sums(row + 4u * id.x, sums);
    }
    finish();
}

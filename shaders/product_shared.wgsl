// Products in square tiles, one for each workgroup of LANES × LANES invocations, each of which computes 8 × 8 elements. The
// workgroup holds sixteen columns of the left operand and sixteen rows of the right one in its memory at a time.

override LANES: u32;

// [step of four k, column of a block, block], so that neighbouring invocations read neighbouring values.
var<workgroup> lefts: array<vec4f, 32u * LANES>;
var<workgroup> rights: array<vec4f, 32u * LANES>;

@compute @workgroup_size(LANES, LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) id: vec3u) {
    let top = 8u * LANES * group.y;
    let start = 8u * LANES * group.x;
    let depth = depth();

    var c00 = mat4x4f();
    var c01 = mat4x4f();
    var c10 = mat4x4f();
    var c11 = mat4x4f();
    // Each of the first invocations sums a row of the left operand.
    let own_row = id.y * LANES + id.x;
    let sums_own_row = sums_rows() && group.x == 0u && own_row < 8u * LANES;
    var row_sum = 0.0;
    for (var k = 0u; k < depth; k += 16u) {
        for (var part = id.y * LANES + id.x; part < 8u * LANES; part += LANES * LANES) {
            let step = part % 4u;
            let block = part / 4u;
            let left = left_block(top + 4u * block, k + 4u * step);
            let right = right_block(start + 4u * block, k + 4u * step);
            lefts[place(step, 0u, block)] = left[0];
            lefts[place(step, 1u, block)] = left[1];
            lefts[place(step, 2u, block)] = left[2];
            lefts[place(step, 3u, block)] = left[3];
            rights[place(step, 0u, block)] = right[0];
            rights[place(step, 1u, block)] = right[1];
            rights[place(step, 2u, block)] = right[2];
            rights[place(step, 3u, block)] = right[3];
        }
        workgroupBarrier();
        for (var step = 0u; step < 4u && k + 4u * step < depth; step++) {
            let a0 = kept_left(step, id.y);
            let a1 = kept_left(step, id.y + LANES);
            let b0 = kept_right(step, id.x);
            let b1 = kept_right(step, id.x + LANES);
            c00 = multiply_add(c00, b0, a0);
            c01 = multiply_add(c01, b1, a0);
            c10 = multiply_add(c10, b0, a1);
            c11 = multiply_add(c11, b1, a1);
            if sums_own_row {
                let values = lefts[place(step, own_row % 4u, own_row / 4u)];
                row_sum = row_sum + values.x + values.y + values.z + values.w;
            }
        }
        workgroupBarrier();
    }
    let row = top + 4u * id.y;
    let column = start + 4u * id.x;
    store_block(row, column, c00);
    store_block(row, column + 4u * LANES, c01);
    store_block(row + 4u * LANES, column, c10);
    store_block(row + 4u * LANES, column + 4u * LANES, c11);
    if sums_own_row { take_row_sum(top + own_row, row_sum); }
    finish();
}

fn kept_left(step: u32, block: u32) -> mat4x4f {
    return mat4x4f(
        lefts[place(step, 0u, block)],
        lefts[place(step, 1u, block)],
        lefts[place(step, 2u, block)],
        lefts[place(step, 3u, block)],
    );
}

fn kept_right(step: u32, block: u32) -> mat4x4f {
    return mat4x4f(
        rights[place(step, 0u, block)],
        rights[place(step, 1u, block)],
        rights[place(step, 2u, block)],
        rights[place(step, 3u, block)],
    );
}

fn place(step: u32, column: u32, block: u32) -> u32 {
    return (4u * step + column) * 2u * LANES + block;
}

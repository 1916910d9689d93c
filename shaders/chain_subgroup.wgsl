// Products of a chain if a workgroup is eight lanes of one subgroup: every lane reads an eighth of the operand that all of
// them need, and shares it in registers. For drivers that read each lane's values one by one, where a read costs as much
// as forty multiplications.
//
// A lane computes blocks of four samples × 32 columns, and of the gradients of four inputs × 32 outputs.

const LANES = 8u;

// state `tile + 1` = store(load(state `tile`) · Wᵀ + bias), plus state `tile` if layers are residual
fn forward(layer: Layer, tile: u32, id: vec3u) {
    let fours = whole_fours(layer.inputs);
    for (var column = 0u; column < layer.outputs; column += 4u * LANES) {
        var c = Block();
        for (var k = 0u; k < fours; k++) {
            let mine = four_rows(layer, column + 4u * id.x, k);
            c = add_products(c, four_columns(loaded(layer, tile), 4u * k, id.x), mine);
        }
        put_states(layer, tile + 1u, column, c.c0, id.x);
        put_states(layer, tile + 1u, column + 4u, c.c1, id.x);
        put_states(layer, tile + 1u, column + 8u, c.c2, id.x);
        put_states(layer, tile + 1u, column + 12u, c.c3, id.x);
        put_states(layer, tile + 1u, column + 16u, c.c4, id.x);
        put_states(layer, tile + 1u, column + 20u, c.c5, id.x);
        put_states(layer, tile + 1u, column + 24u, c.c6, id.x);
        put_states(layer, tile + 1u, column + 28u, c.c7, id.x);
    }
    wait();
}

// dW = deltaᵀ · load(state) and db = Σ delta over the tile's samples, added to this workgroup's part.
fn add_gradients(layer: Layer, tile: u32, part: u32, lanes: u32, id: vec3u, is_first_tile: bool) {
    let fours = whole_fours(layer.inputs);
    let base = part - layers[run.first].weights;
    for (var first = 0u; first < fours; first += LANES) {
        let k = min(first + id.x, fours - 1u);
        for (var row = 0u; row < layer.outputs; row += 4u * LANES) {
            let mine = min(row + 4u * id.x, 4u * whole_fours(layer.outputs) - 4u);
            var c = Block();
            for (var lane = 0u; lane < lanes; lane++) {
                let states = transpose(four_columns(loaded(layer, tile), 4u * k, lane));
                c = add_products(c, states, four_columns(tile + 1u, mine, lane));
            }
            if first + id.x < fours {
                add_rows(layer, base, row, k, c.c0, is_first_tile);
                add_rows(layer, base, row + 4u, k, c.c1, is_first_tile);
                add_rows(layer, base, row + 8u, k, c.c2, is_first_tile);
                add_rows(layer, base, row + 12u, k, c.c3, is_first_tile);
                add_rows(layer, base, row + 16u, k, c.c4, is_first_tile);
                add_rows(layer, base, row + 20u, k, c.c5, is_first_tile);
                add_rows(layer, base, row + 24u, k, c.c6, is_first_tile);
                add_rows(layer, base, row + 28u, k, c.c7, is_first_tile);
            }
        }
    }
    add_biases(layer, tile + 1u, base, lanes, id, is_first_tile);
}

// Replaces state `tile` by (delta · W) ⊙ φ′(state), plus the delta, in the tile above, if layers are residual.
fn make_delta_below(layer: Layer, tile: u32, id: vec3u) {
    let fours = whole_fours(layer.inputs);
    for (var k = 0u; k < fours; k += LANES) {
        var c = Block();
        for (var row = 0u; row < layer.outputs; row += 4u) {
            let mine = transpose(four_rows(layer, row, min(k + id.x, fours - 1u)));
            c = add_products(c, four_columns(tile + 1u, row, id.x), mine);
        }
        put_deltas(layer, tile, 4u * k, c.c0, id.x);
        put_deltas(layer, tile, 4u * k + 4u, c.c1, id.x);
        put_deltas(layer, tile, 4u * k + 8u, c.c2, id.x);
        put_deltas(layer, tile, 4u * k + 12u, c.c3, id.x);
        put_deltas(layer, tile, 4u * k + 16u, c.c4, id.x);
        put_deltas(layer, tile, 4u * k + 20u, c.c5, id.x);
        put_deltas(layer, tile, 4u * k + 24u, c.c6, id.x);
        put_deltas(layer, tile, 4u * k + 28u, c.c7, id.x);
    }
    wait();
}

struct Block {
    c0: mat4x4f,
    c1: mat4x4f,
    c2: mat4x4f,
    c3: mat4x4f,
    c4: mat4x4f,
    c5: mat4x4f,
    c6: mat4x4f,
    c7: mat4x4f,
}

// `c` plus the products of this lane's `left` with every lane's `mine`.
fn add_products(c: Block, left: mat4x4f, mine: mat4x4f) -> Block {
    return Block(
        multiply_add(c.c0, left, of_lane(mine, 0u)),
        multiply_add(c.c1, left, of_lane(mine, 1u)),
        multiply_add(c.c2, left, of_lane(mine, 2u)),
        multiply_add(c.c3, left, of_lane(mine, 3u)),
        multiply_add(c.c4, left, of_lane(mine, 4u)),
        multiply_add(c.c5, left, of_lane(mine, 5u)),
        multiply_add(c.c6, left, of_lane(mine, 6u)),
        multiply_add(c.c7, left, of_lane(mine, 7u)),
    );
}

// A workgroup of one subgroup has no other to wait for. By specification this does not order workgroup memory, but drivers
// that run the lanes of a subgroup as one vector, the only ones that use this file, keep it in order.
fn wait() {
    subgroupBarrier();
}

// Products of a chain if a workgroup is eight lanes of one subgroup: every lane reads an eighth of the weights that all of
// them need, and shares it in registers. For drivers that read each lane's values one by one, where a read costs as much
// as forty multiplications.
//
// A lane computes blocks of four samples × 32 columns.

const LANES = 8u;

// Tile `tile` times weights, for each of `columns` vectors of four columns; `depth` is in vectors, too. Sums go through the
// next tile, so that what the kernel does with them stands in its code once.
fn product(layer: Layer, depth: u32, columns: u32, tile: u32, id: vec3u) {
    for (var column = 0u; column < columns; column += LANES) {
        let own = min(column + id.x, columns - 1u);
        var c = Block();
        for (var k = 0u; k < depth; k++) {
            c = add_products(c, right_block(layer, own, k), four_samples(tile, k, id));
        }
        put_sums(column, columns, c.c0, id);
        put_sums(column + 1u, columns, c.c1, id);
        put_sums(column + 2u, columns, c.c2, id);
        put_sums(column + 3u, columns, c.c3, id);
        put_sums(column + 4u, columns, c.c4, id);
        put_sums(column + 5u, columns, c.c5, id);
        put_sums(column + 6u, columns, c.c6, id);
        put_sums(column + 7u, columns, c.c7, id);
        for (var own = column; own < min(column + LANES, columns); own++) {
            take_block(layer, own, four_samples(1u - current, own, id), id);
        }
    }
}

fn put_sums(column: u32, columns: u32, sums: mat4x4f, id: vec3u) {
    if column < columns { put(1u - current, column, sums, 4u * columns, id); }
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
fn add_products(c: Block, mine: mat4x4f, left: mat4x4f) -> Block {
    return Block(
        multiply_add(c.c0, of_lane(mine, 0u), left),
        multiply_add(c.c1, of_lane(mine, 1u), left),
        multiply_add(c.c2, of_lane(mine, 2u), left),
        multiply_add(c.c3, of_lane(mine, 3u), left),
        multiply_add(c.c4, of_lane(mine, 4u), left),
        multiply_add(c.c5, of_lane(mine, 5u), left),
        multiply_add(c.c6, of_lane(mine, 6u), left),
        multiply_add(c.c7, of_lane(mine, 7u), left),
    );
}

// A workgroup of one subgroup has no other to wait for. By specification this does not order workgroup memory, but drivers
// that run the lanes of a subgroup as one vector, the only ones that use this file, keep it in order.
fn wait() {
    subgroupBarrier();
}

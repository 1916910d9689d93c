// Products of a chain if lanes share a layer's columns: each computes blocks of four samples × 4 or 8 columns.

// Tile `tile` times weights, for each of `columns` vectors of four columns; `depth` is in vectors, too. Sums go through the
// next tile, so that what the kernel does with them stands in its code once.
fn product(layer: Layer, depth: u32, columns: u32, tile: u32, id: vec3u) {
    for (var column = VECTORS * id.y; column < columns; column += VECTORS * COLUMN_LANES) {
        let next = min(column + VECTORS - 1u, columns - 1u);
        var low = mat4x4f();
        var high = mat4x4f();
        for (var k = 0u; k < depth; k++) {
            let left = four_samples(tile, k, id);
            low = multiply_add(low, right_block(layer, column, k), left);
            if VECTORS == 2u { high = multiply_add(high, right_block(layer, next, k), left); }
        }
        if VECTORS == 2u { put(1u - current, next, high, 4u * columns, id); }
        put(1u - current, column, low, 4u * columns, id);
        for (var own = column; own <= next; own++) {
            take_block(layer, own, four_samples(1u - current, own, id), id);
        }
    }
}

fn wait() {
    workgroupBarrier();
}

// Products of a chain if lanes share a layer's columns: each computes blocks of 4 or 8 samples × 4 or 8 columns.

// Tile `tile` times weights, for each of `columns` vectors of four columns; `depth` is in vectors, too. Sums go through the
// next tile, so that what the kernel does with them stands in its code once.
fn product(layer: Layer, depth: u32, columns: u32, tile: u32, id: vec3u) {
    let other = other_four(id);
    for (var column = VECTORS * id.y; column < columns; column += VECTORS * COLUMN_LANES) {
        let next = min(column + VECTORS - 1u, columns - 1u);
        var low = mat4x4f();
        var high = mat4x4f();
        var other_low = mat4x4f();
        var other_high = mat4x4f();
        for (var k = 0u; k < depth; k++) {
            let left = four_samples(tile, k, id);
            let right = right_block(layer, column, k);
            low = multiply_add(low, right, left);
            if QUADS == 2u { other_low = multiply_add(other_low, right, four_samples(tile, k, other)); }
            if VECTORS == 2u {
                let right = right_block(layer, next, k);
                high = multiply_add(high, right, left);
                if QUADS == 2u { other_high = multiply_add(other_high, right, four_samples(tile, k, other)); }
            }
        }
        if VECTORS == 2u { put(1u - current, next, high, 4u * columns, id); }
        put(1u - current, column, low, 4u * columns, id);
        if QUADS == 2u {
            if VECTORS == 2u { put(1u - current, next, other_high, 4u * columns, other); }
            put(1u - current, column, other_low, 4u * columns, other);
        }
        for (var own = column; own <= next; own++) {
            for (var quad = 0u; quad < QUADS; quad++) {
                let samples = select(id, other, quad == 1u);
                take_block(layer, own, four_samples(1u - current, own, samples), samples);
            }
        }
    }
}

fn wait() {
    workgroupBarrier();
}

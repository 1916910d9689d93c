// Products of a chain if a lane computes blocks of 4 or 8 samples × 4 or 8 columns.

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
        // Weights are read a step ahead, so that no lane waits for them, unless a lane has no registers left.
        var right = right_block(layer, column, 0u);
        var right_high = mat4x4f();
        if VECTORS == 2u { right_high = right_block(layer, next, 0u); }
        for (var k = 0u; k < depth; k++) {
            var step = min(k + 1u, depth - 1u);
            if QUADS == 2u { step = k; }
            let ahead = right_block(layer, column, step);
            var ahead_high = mat4x4f();
            if VECTORS == 2u { ahead_high = right_block(layer, next, step); }
            if QUADS == 2u {
                right = ahead;
                right_high = ahead_high;
            }
            let left = four_samples(tile, k, id);
            low = multiply_add(low, right, left);
            if VECTORS == 2u { high = multiply_add(high, right_high, left); }
            if QUADS == 2u {
                let left = four_samples(tile, k, other);
                other_low = multiply_add(other_low, right, left);
                if VECTORS == 2u { other_high = multiply_add(other_high, right_high, left); }
            }
            right = ahead;
            right_high = ahead_high;
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

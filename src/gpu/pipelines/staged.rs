//! The text of products that stage their operands in workgroup memory.

use std::fmt::Write;

use serde::{Deserialize, Serialize};

/// Components of a vector.
const COMPONENTS: [&str; 4] = ["x", "y", "z", "w"];
/// Columns of invocations in a subgroup of 32. Those of one row read the same values of the left operand, those of
/// one column the same of the right one.
const SUBGROUP_COLUMNS: u32 = 8;
const SUBGROUP_ROWS: u32 = 32 / SUBGROUP_COLUMNS;

/// Tile of a product whose operands are staged in workgroup memory, a k tile at a time: that many terms of each
/// sum. While a workgroup computes with one k tile, it loads the next into registers.
///
/// The kernel is written by this program, since its loops over registers must be unrolled in the text: naga
/// bounds every loop, which keeps compilers from unrolling it, and an array that a loop indexes is not kept in
/// registers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Staged {
    rows: u32,
    columns: u32,
    depth: u32,
    stages: u32,
    lane_rows: u32,
    lane_columns: u32,
}

/// A product in such tiles, whose text this program writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StagedText {
    pub staged: Staged,
    pub k_major: KMajor,
    /// With a right operand that is not k-major: four elements of a row that are stored together are neighbours.
    pub contiguous: bool,
}

/// `true` for the left and right operand of a product if the summed dimension k lies along its rows in memory,
/// `false` if it lies across them.
pub type KMajor = [bool; 2];

impl StagedText {
    /// The entry point `main` of the kernel.
    pub fn wgsl(self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        self.staged.write(self.k_major, self.contiguous, &mut text).unwrap_or_default();
        text
    }
}

impl Staged {
    /// A workgroup computes `rows` × `columns` elements of the result, each invocation `lane_rows` × `lane_columns` of them.
    /// A k tile has `depth` terms of each sum, and workgroup memory holds `stages` of them: 1, or 2 to store the
    /// next one while one is read.
    ///
    /// # Panics
    /// If invocations cannot divide the work evenly among them, or if the left operand's memory does not hold two
    /// vectors of sums for each of them.
    pub const fn new(
        [rows, columns]: [u32; 2],
        depth: u32,
        stages: u32,
        [lane_rows, lane_columns]: [u32; 2],
    ) -> Self {
        let staged = Staged { rows, columns, depth, stages, lane_rows, lane_columns };
        let [across, down] = staged.lanes();
        assert!(lane_rows.is_multiple_of(4) && lane_columns.is_multiple_of(4));
        assert!(depth.is_multiple_of(4) && (stages == 1 || stages == 2));
        assert!(across * lane_columns == columns && across.is_multiple_of(SUBGROUP_COLUMNS));
        assert!(down * lane_rows == rows && down.is_multiple_of(SUBGROUP_ROWS));
        let invocations = across * down;
        // Vectors of four that invocations load side by side, and all that they load.
        assert!(invocations.is_multiple_of(depth) && invocations.is_multiple_of(rows / 4));
        assert!(invocations.is_multiple_of(columns / 4));
        assert!(
            (rows * depth / 4).is_multiple_of(invocations)
                && (columns * depth / 4).is_multiple_of(invocations)
        );
        assert!(stages * rows * depth / 4 >= 2 * invocations);
        staged
    }

    /// Rows and columns of the result that a workgroup computes.
    pub(in crate::gpu) fn size(self) -> [u32; 2] {
        [self.rows, self.columns]
    }

    /// Terms of each sum in a k tile.
    pub(in crate::gpu) fn depth(self) -> u32 {
        self.depth
    }

    /// Invocations along a row of the workgroup, and its rows.
    const fn lanes(self) -> [u32; 2] {
        [self.columns / self.lane_columns, self.rows / self.lane_rows]
    }

    /// Invocations of a workgroup.
    pub(in crate::gpu) fn invocations(self) -> u32 {
        self.lanes().iter().product()
    }

    /// Workgroup memory of the product that takes most, in bytes.
    pub(in crate::gpu) fn most_bytes(self) -> u32 {
        let every = [[true, true], [true, false], [false, false]];
        every.into_iter().map(|k_major| self.bytes(k_major)).max().unwrap_or(0)
    }

    /// Workgroup memory, in bytes.
    pub(in crate::gpu) fn bytes(self, k_major: KMajor) -> u32 {
        self.operands(k_major)
            .iter()
            .map(|operand| 16 * self.stages * operand.rows() * (operand.vectors() + 1))
            .sum()
    }

    fn operands(self, [left, right]: KMajor) -> [Operand; 2] {
        let [across, down] = self.lanes();
        let operand =
            |name, k_major, count, lanes| Operand { name, k_major, count, lanes, depth: self.depth };
        [operand("left", left, self.rows, down), operand("right", right, self.columns, across)]
    }

    fn write(self, k_major: KMajor, contiguous: bool, out: &mut String) -> std::fmt::Result {
        let [left, right] = self.operands(k_major);
        let invocations = self.invocations();
        let [across, down] = self.lanes();
        let Staged { rows, columns, depth, stages, .. } = self;

        for operand in [left, right] {
            let Operand { name, lanes, .. } = operand;
            let (vectors, blocks) = (operand.vectors() + 1, operand.blocks());
            let block = format!("array<array<vec4f, {vectors}>, {lanes}>");
            writeln!(out, "var<workgroup> {name}s: array<array<{block}, {blocks}>, {stages}>;")?;
        }
        writeln!(
            out,
            "@compute @workgroup_size({invocations})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {{
    let tile = tile_of(group);
    let top = {rows}u * tile.y;
    let start = {columns}u * tile.x;
    let depth = depth();
    let x = lane / 32u % {subgroups}u * {SUBGROUP_COLUMNS}u + lane % {SUBGROUP_COLUMNS}u;
    let y = lane / {band}u * {SUBGROUP_ROWS}u + lane / {SUBGROUP_COLUMNS}u % {SUBGROUP_ROWS}u;",
            subgroups = across / SUBGROUP_COLUMNS,
            band = across * SUBGROUP_ROWS,
        )?;
        let sums_rows = !left.k_major;
        for (row, block) in self.sums() {
            let start = if sums_rows {
                let row =
                    format!("top + 4u * ({half}u + y) + {rest}u", half = row / 4 * down, rest = row % 4);
                let column = format!("start + 4u * ({first}u + x)", first = block * across);
                format!("initial_four(min({row}, extent().rows - 1u), four_from({column}))")
            } else {
                "vec4f()".to_owned()
            };
            writeln!(out, "    var c{row}_{block} = {start};")?;
        }
        left.start(invocations, "top", out)?;
        right.start(invocations, "start", out)?;
        left.store(invocations, "0u", out)?;
        right.store(invocations, "0u", out)?;
        if sums_rows {
            let fours = rows / 4;
            writeln!(out, "    let sums_own_rows = sums_rows() && tile.x == 0u && lane < {fours}u;")?;
            writeln!(out, "    var own_sums = initial_row_sums(top + 4u * lane);")?;
        }
        writeln!(
            out,
            "    workgroupBarrier();
    var stage = 0u;
    for (var k = 0u; k < depth; k += {depth}u) {{"
        )?;
        left.load(invocations, &format!("k + {depth}u"), out)?;
        right.load(invocations, &format!("k + {depth}u"), out)?;
        for four in 0..depth / 4 {
            writeln!(out, "        {{")?;
            self.multiply(left, right, four, out)?;
            writeln!(out, "        }}")?;
        }
        if sums_rows {
            writeln!(out, "        if sums_own_rows {{")?;
            let place = format!("[lane / {down}u][lane % {down}u]");
            for k in 0..depth {
                writeln!(out, "            own_sums += lefts[stage]{place}[{k}];")?;
            }
            writeln!(out, "        }}")?;
        }
        if stages == 1 {
            writeln!(out, "        workgroupBarrier();")?;
        } else {
            writeln!(out, "        stage = 1u - stage;")?;
        }
        left.store(invocations, "stage", out)?;
        right.store(invocations, "stage", out)?;
        writeln!(out, "        workgroupBarrier();\n    }}")?;

        if contiguous {
            self.store_own(left, down, out)?;
        } else {
            self.epilogue(left, [across, down], out)?;
        }
        if sums_rows {
            writeln!(out, "    if sums_own_rows {{ take_row_sums(top + 4u * lane, own_sums); }}")?;
        }
        writeln!(out, "    finish();\n}}")
    }

    /// Rows and blocks of four columns of an invocation's sums.
    fn sums(self) -> impl Iterator<Item = (u32, u32)> {
        (0..self.lane_rows).flat_map(move |row| (0..self.lane_columns / 4).map(move |block| (row, block)))
    }

    /// Adds the terms of four steps to all sums, in ascending order.
    fn multiply(self, left: Operand, right: Operand, four: u32, out: &mut String) -> std::fmt::Result {
        let blocks = self.lane_columns / 4;
        if left.k_major {
            for row in 0..self.lane_rows {
                writeln!(out, "            let a{row} = lefts[stage][{row}][y][{four}];")?;
            }
        }
        if right.k_major {
            for (block, column) in (0..blocks).flat_map(|block| (0..4).map(move |column| (block, column))) {
                let place = column * blocks + block;
                writeln!(out, "            let b{block}_{column} = rights[stage][{place}][x][{four}];")?;
            }
        }
        for (step, name) in COMPONENTS.into_iter().enumerate() {
            let k = 4 * four + step as u32;
            if !left.k_major {
                for half in 0..self.lane_rows / 4 {
                    writeln!(out, "            let a{half}_{step} = lefts[stage][{half}][y][{k}];")?;
                }
            }
            for block in 0..blocks {
                write!(out, "            let r{block}_{step} = ")?;
                if right.k_major {
                    let column = |column: u32| format!("b{block}_{column}.{name}");
                    writeln!(out, "vec4f({}, {}, {}, {});", column(0), column(1), column(2), column(3))?;
                } else {
                    writeln!(out, "rights[stage][{block}][x][{k}];")?;
                }
            }
            for (row, block) in self.sums() {
                let factor = if left.k_major {
                    format!("a{row}.{name}")
                } else {
                    format!("a{}_{step}.{}", row / 4, COMPONENTS[row as usize % 4])
                };
                writeln!(
                    out,
                    "            c{row}_{block} = fma(vec4f({factor}), r{block}_{step}, c{row}_{block});"
                )?;
            }
        }
        Ok(())
    }

    /// Passes the sums to the kernel in one loop, a row and block of columns of each invocation at a time, so that
    /// what the kernel does with them stands in its code once. Invocations exchange them through workgroup memory:
    /// neighbours take neighbouring columns. Two buffers alternate, so one barrier suffices.
    fn epilogue(self, left: Operand, [across, down]: [u32; 2], out: &mut String) -> std::fmt::Result {
        let invocations = self.invocations();
        let blocks = self.lane_columns / 4;
        writeln!(
            out,
            "    let own_row = lane / {across}u;
    let own_column = lane % {across}u;"
        )?;
        self.begin_stores(out)?;
        let row = self.row_of_part(left, "own_row", down);
        let quarter = across / 4;
        let from_place = |column: u32| {
            format!("{}[own_column % 4u]", left.flat(&format!("(place + {}u)", quarter * column)))
        };
        writeln!(
            out,
            "        let base = part % 2u * {invocations}u;
        let put = base + y * {across}u + x;
        {put} = sums;
        workgroupBarrier();
        let row = top + {row};
        if row < extent().rows {{
            let column = start + part % {blocks}u * {block_columns}u + own_column;
            let place = base + own_row * {across}u + own_column / 4u;
            let taken = vec4f(
                {},
                {},
                {},
                {},
            );
            store_four(row, column + {across}u * vec4u(0u, 1u, 2u, 3u), taken);
        }}
    }}",
            from_place(0),
            from_place(1),
            from_place(2),
            from_place(3),
            put = left.flat("put"),
            block_columns = 4 * across,
        )
    }

    /// Begins a loop over an invocation's sums, a row and block of columns at a time.
    fn begin_stores(self, out: &mut String) -> std::fmt::Result {
        let parts = self.lane_rows * self.lane_columns / 4;
        writeln!(
            out,
            "    for (var part = 0u; part < {parts}u; part++) {{
        var sums = c0_0;
        switch part {{"
        )?;
        for (part, (row, block)) in self.sums().enumerate().skip(1) {
            writeln!(out, "            case {part}u: {{ sums = c{row}_{block}; }}")?;
        }
        writeln!(out, "            default: {{}}\n        }}")
    }

    /// The row of the tile that a part belongs to, for the invocation in row `lane_row` of the workgroup.
    fn row_of_part(self, left: Operand, lane_row: &str, down: u32) -> String {
        let blocks = self.lane_columns / 4;
        if left.k_major {
            return format!("{lane_row} + part / {blocks}u * {down}u");
        }
        format!("4u * ({lane_row} + part / {four}u * {down}u) + part / {blocks}u % 4u", four = 4 * blocks)
    }

    /// Passes the sums to the kernel as [`Staged::epilogue`] does, but each invocation its own, which are neighbours.
    fn store_own(self, left: Operand, down: u32, out: &mut String) -> std::fmt::Result {
        self.begin_stores(out)?;
        let [across, _] = self.lanes();
        writeln!(
            out,
            "        let row = top + {row};
        if row < extent().rows {{
            let column = start + 4u * (part % {blocks}u * {across}u + x);
            store_four(row, column + vec4u(0u, 1u, 2u, 3u), sums);
        }}
    }}",
            row = self.row_of_part(left, "y", down),
            blocks = self.lane_columns / 4,
        )
    }
}

/// One operand of a product in workgroup memory, in the order in which it lies in global memory.
#[derive(Clone, Copy)]
struct Operand {
    name: &'static str,
    k_major: bool,
    /// Rows or columns of the result.
    count: u32,
    /// Invocations along these.
    lanes: u32,
    depth: u32,
}

impl Operand {
    /// Rows of the array in workgroup memory for one stage: rows or columns of the result, or fours of them.
    fn rows(self) -> u32 {
        if self.k_major { self.count } else { self.count / 4 }
    }

    /// Such rows of each invocation.
    fn blocks(self) -> u32 {
        self.rows() / self.lanes
    }

    /// `true` if invocations compute four neighbouring columns each, which k-major memory holds in different rows.
    /// Columns of neighbouring invocations are then neighbouring rows, so that they lie in different banks.
    fn is_interleaved(self) -> bool {
        self.k_major && self.name == "right"
    }

    /// Vectors of four numbers in such a row. One more pads it, so that neighbouring rows lie in different banks.
    fn vectors(self) -> u32 {
        if self.k_major { self.depth / 4 } else { self.depth }
    }

    /// The vector number `place` of all stages.
    fn flat(self, place: &str) -> String {
        let (name, vectors, lanes, blocks) = (self.name, self.vectors(), self.lanes, self.blocks());
        let row = format!("{place} / {vectors}u");
        format!(
            "{name}s[{row} / {stage}u][{row} / {lanes}u % {blocks}u][{row} % {lanes}u][{place} % {vectors}u]",
            stage = lanes * blocks
        )
    }

    /// Vectors that an invocation stages of each k tile.
    fn loads(self, invocations: u32) -> u32 {
        self.count * self.depth / 4 / invocations
    }

    /// Vectors that invocations load side by side: of one row of the operand.
    fn side_by_side(self) -> u32 {
        if self.k_major { self.depth / 4 } else { self.count / 4 }
    }

    /// Declares what an invocation stages, and loads the first k tile.
    fn start(self, invocations: u32, origin: &str, out: &mut String) -> std::fmt::Result {
        let (name, width) = (self.name, self.side_by_side());
        let (along, across) = (format!("lane % {width}u"), format!("lane / {width}u"));
        let (index, k) = if self.k_major {
            (across, format!("4u * ({along})"))
        } else {
            (format!("4u * ({along})"), across)
        };
        writeln!(out, "    let {name}_index = {origin} + {index};")?;
        writeln!(out, "    let {name}_k = {k};")?;
        // Place in workgroup memory: its row and the vector in it.
        let (row, vector) = if !self.k_major {
            (format!("lane % {width}u"), format!("lane / {width}u"))
        } else if self.is_interleaved() {
            let quarter = self.count / 4;
            (format!("lane / {width}u % 4u * {quarter}u + lane / {}u", 4 * width), format!("lane % {width}u"))
        } else {
            (format!("lane / {width}u"), format!("lane % {width}u"))
        };
        writeln!(out, "    let {name}_row = {row};")?;
        writeln!(out, "    let {name}_inner = {vector};")?;
        for load in 0..self.loads(invocations) {
            writeln!(out, "    var {name}{load}: vec4f;")?;
        }
        self.load(invocations, "0u", out)
    }

    /// Loads the k tile that starts at `k` into registers.
    fn load(self, invocations: u32, k: &str, out: &mut String) -> std::fmt::Result {
        let name = self.name;
        for load in 0..self.loads(invocations) {
            let offset = load * invocations / self.side_by_side();
            let (index, step) = if self.k_major { (offset, 0) } else { (0, offset) };
            writeln!(
                out,
                "    {name}{load} = {name}_vector({name}_index + {index}u, {k} + {name}_k + {step}u);"
            )?;
        }
        Ok(())
    }

    /// Stores the registers to a stage.
    fn store(self, invocations: u32, stage: &str, out: &mut String) -> std::fmt::Result {
        let Operand { name, lanes, .. } = self;
        for load in 0..self.loads(invocations) {
            let offset = load * invocations / self.side_by_side();
            let (row, vector) = match self.k_major {
                true if self.is_interleaved() => (offset / 4, 0),
                true => (offset, 0),
                false => (0, offset),
            };
            let row = format!("({name}_row + {row}u)");
            let place = format!("[{stage}][{row} / {lanes}u][{row} % {lanes}u]");
            writeln!(out, "    {name}s{place}[{name}_inner + {vector}u] = {name}{load};")?;
        }
        Ok(())
    }
}

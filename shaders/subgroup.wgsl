// A value of one lane of a subgroup, for all lanes.

fn of_lane(mine: mat4x4f, lane: u32) -> mat4x4f {
    return mat4x4f(
        subgroupShuffle(mine[0], lane),
        subgroupShuffle(mine[1], lane),
        subgroupShuffle(mine[2], lane),
        subgroupShuffle(mine[3], lane),
    );
}

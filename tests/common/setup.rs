//! Sets a repository up for `git ccc`, so that a test starts where the work starts.

use super::world::World;

/// Runs `git ccc init`.
#[track_caller]
pub fn set_up(world: &World) {
    world.ccc(["init"]).ok();
}

/// A world that is set up.
#[track_caller]
pub fn ready(world: World) -> World {
    set_up(&world);
    world
}

//! Sets a repository up for `git ccc`, so that a test starts where the work starts.

use super::world::World;

/// Runs `git ccc init`. A build that has no such command yet gets the log by plain git, as `init` would begin it.
#[track_caller]
pub fn set_up(world: &World) {
    let init = world.ccc(["init"]);
    if init.code != 2 {
        init.ok();
        return;
    }
    let tree = world
        .command("git", ["hash-object", "-t", "tree", "-w", "--stdin"])
        .run();
    let message = "log begins\n\nCcc-Act: begin\nCcc-Nonce: x\nCcc-Fence: 0\n";
    let begun = world
        .command("git", ["commit-tree", tree.ok().stdout.trim()])
        .stdin(message)
        .run();
    let create = ["update-ref", "--create-reflog", "refs/ccc/log"];
    world
        .git(create.into_iter().chain([begun.ok().stdout.trim()]))
        .ok();
}

/// A world that is set up.
#[track_caller]
pub fn ready(world: World) -> World {
    set_up(&world);
    world
}

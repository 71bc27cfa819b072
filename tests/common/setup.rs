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

/// What to put before a command so that files' modes bind it as they bind everybody but root; nothing if root cannot give that up here.
///
/// What is not shown is said.
#[expect(
    clippy::print_stderr,
    reason = "a test that shows less than it might must say so"
)]
pub fn bound_by_modes(world: &World) -> Option<&'static str> {
    const SETPRIV: &str = "setpriv --bounding-set=-dac_override,-dac_read_search --inh-caps=-dac_override,-dac_read_search --";
    if !rustix::process::geteuid().is_root() {
        return Some("");
    }
    let able = world
        .command("sh", ["-c", &format!("{SETPRIV} true")])
        .run();
    if able.code == 0 {
        return Some(SETPRIV);
    }
    eprintln!("not shown: root cannot give up its right to files here (no setpriv)");
    None
}

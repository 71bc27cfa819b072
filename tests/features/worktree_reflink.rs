//! `worktree new` on file systems that share the bytes of files: an image of each is mounted in a mount namespace of its own, so
//! that nothing stays mounted, whatever happens. Where that cannot be done, it is said and nothing is shown.

use crate::common::setup::ready;
use crate::common::world::{BINARY, World};
use serde_json::Value;
use std::process::Command;

/// Two megabytes are brought along, read by two names, and changed on one side.
const SCRIPT: &str = r#"
mount -o loop "$IMAGE" "$PLACE"
cd "$PLACE"
git init -q -b main repo; cd repo
printf 'node_modules/\n' >.gitignore; git add .; git commit -qm base
"$CCC" init -q
mkdir -p node_modules/p/lib
head -c 2000000 /dev/urandom >node_modules/p/lib/big.js; chmod 755 node_modules/p/lib/big.js
touch -d 2020-01-02T03:04:05Z node_modules/p/lib/big.js
ln node_modules/p/lib/big.js node_modules/p/lib/twin.js
: >node_modules/p/lib/empty.js; ln -s ../lib node_modules/p/link
sync -f .
before=$(stat -f -c %f .)
"$CCC" worktree new x --template feature --json >"$ANSWER"
sync -f .
after=$(stat -f -c %f .)
echo "blocks $(( (before - after) * $(stat -f -c %S .) ))"
cd ../repo.x/node_modules/p
cmp lib/big.js ../../../repo/node_modules/p/lib/big.js
stat -c '%a %Y' lib/big.js; readlink link
[ "$(stat -c %i lib/big.js)" = "$(stat -c %i lib/twin.js)" ]
[ "$(stat -c %i lib/big.js)" != "$(stat -c %i ../../../repo/node_modules/p/lib/big.js)" ]
printf changed | dd of=lib/big.js conv=notrunc status=none
[ "$(head -c 7 lib/big.js)" = changed ]
[ "$(head -c 7 ../../../repo/node_modules/p/lib/big.js)" != changed ]
cd /
"#;

/// Makes an image of a file system; nothing if its tool is not there.
fn made(w: &World, make: &[&str], size: u64) -> Option<std::path::PathBuf> {
    let path = w.tmp().join(make[0]);
    let file = std::fs::File::create(&path).expect("a file");
    file.set_len(size).expect("it may be sparse");
    let sbin = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").ok()?);
    let out = Command::new("env")
        .arg(format!("PATH={sbin}"))
        .args(make)
        .arg(&path)
        .output();
    out.is_ok_and(|out| out.status.success()).then_some(path)
}

fn may_mount(w: &World, image: &std::path::Path) -> bool {
    let place = w.tmp().join("try");
    std::fs::create_dir_all(&place).expect("a folder");
    let mut mount = Command::new("unshare");
    mount
        .args(["-m", "mount", "-o", "loop"])
        .arg(image)
        .arg(&place);
    mount.output().is_ok_and(|out| out.status.success())
}

#[expect(
    clippy::print_stderr,
    reason = "a test that shows less than it might must say so"
)]
fn bytes_are_shared(make: &[&str], size: u64) {
    let w = ready(World::new());
    let Some(image) = made(&w, make, size) else {
        eprintln!("not shown: {} cannot make a file system here", make[0]);
        return;
    };
    if !may_mount(&w, &image) {
        eprintln!("not shown: {} cannot be mounted here", make[0]);
        return;
    }
    let (place, answer) = (w.tmp().join("place"), w.tmp().join("answer.json"));
    std::fs::create_dir_all(&place).expect("a folder");
    let out = w
        .command("unshare", ["-m", "sh", "-ec", SCRIPT])
        .env("CCC", BINARY)
        .env("IMAGE", &image)
        .env("PLACE", &place)
        .env("ANSWER", &answer)
        .run();
    let said = &out.ok().stdout;
    assert!(said.contains("755 1577934245\n../lib\n"), "{said}");
    let answer = std::fs::read_to_string(answer).expect("an answer");
    let answer: Value = serde_json::from_str(&answer).expect("JSON");
    let brought = &answer["brought"];
    assert_eq!(brought["bytes"], 2_000_000, "{answer}");
    assert_eq!(brought["shared_bytes"], 2_000_000, "{answer}");
    let used = said.lines().find_map(|line| line.strip_prefix("blocks "));
    let used: i64 = used.expect("a number").parse().expect("a number");
    assert!(used < 1_500_000, "{used} bytes more are used: {said}");
    assert!(
        std::fs::read_dir(&place).expect("it").next().is_none(),
        "nothing stays mounted"
    );
}

#[test]
fn bytes_are_shared_on_btrfs() {
    bytes_are_shared(&["mkfs.btrfs", "-q"], 256 << 20);
}

#[test]
fn bytes_are_shared_on_xfs() {
    bytes_are_shared(&["mkfs.xfs", "-q", "-m", "reflink=1"], 512 << 20);
}

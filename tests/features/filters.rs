//! Filters that keep a file's content elsewhere, as git-lfs does: a commit has what git's own would have, and work that was saved comes
//! back as it stood on disk.

use crate::common::session::Session;
use crate::common::setup::ready;
use crate::common::world::World;

/// `clean` stores what it is given and prints a pointer, `smudge` gives it back; `process` does both for as many files as git asks for, in
/// git's own protocol (gitprotocol-long-running-process).
const FILTER: &str = r#"
use strict; use warnings; use Digest::SHA qw(sha256_hex);
binmode STDIN; binmode STDOUT; $| = 1;
my $store = shift; mkdir $store;
sub clean {
  my $text = shift;
  return $text if $text =~ /^version pointer\n/;
  my $id = sha256_hex($text);
  open(my $out, '>', "$store/$id") or die; binmode $out; print $out $text; close $out or die;
  return "version pointer\noid $id\n";
}
sub smudge {
  my $text = shift;
  my ($id) = $text =~ /^version pointer\noid (\w+)\n/ or return $text;
  open(my $in, '<', "$store/$id") or die; binmode $in; local $/; return <$in>;
}
sub all { local $/; my $text = <STDIN>; return defined $text ? $text : '' }
my $job = shift;
if ($job eq 'clean') { print clean(all()); exit }
if ($job eq 'smudge') { print smudge(all()); exit }
sub packet {
  my $n = read(STDIN, my $head, 4); exit 0 unless $n;
  my $length = hex $head; return undef if $length == 0;
  my ($text, $have) = ('', 0);
  while ($have < $length - 4) { $have += read(STDIN, $text, $length - 4 - $have, $have) or die }
  return $text;
}
sub until_flush { my @all; while (defined(my $one = packet())) { push @all, $one } return @all }
sub say_all { printf '%04x%s', 4 + length, $_ for @_; print '0000' }
until_flush(); say_all("git-filter-server\n", "version=2\n");
until_flush(); say_all("capability=clean\n", "capability=smudge\n");
while (1) {
  my %asked = map { /^(\w+)=(.*)\n?$/s } until_flush();
  my $text = join '', until_flush();
  $text = $asked{command} =~ /clean/ ? clean($text) : smudge($text);
  say_all("status=success\n"); say_all($text =~ /(.{1,60000})/gs); print '0000';
}
"#;

/// Nothing where there is no perl for the filter.
fn world(process: bool) -> Option<(World, Session)> {
    let w = ready(World::new());
    if w.command("perl", ["-MDigest::SHA", "-e", "1"]).run().code != 0 {
        return None;
    }
    let script = w.tmp().join("filter.pl");
    std::fs::write(&script, FILTER).expect("a script");
    let run = format!(
        "perl '{}' '{}'",
        script.display(),
        w.tmp().join("store").display()
    );
    let jobs: &[&str] = if process {
        &["process"]
    } else {
        &["clean", "smudge"]
    };
    for job in jobs {
        let key = format!("filter.elsewhere.{job}");
        w.git(["config", &key, &format!("{run} {job}")]).ok();
    }
    w.git(["config", "filter.elsewhere.required", "true"]).ok();
    w.write(".gitattributes", "*.bin filter=elsewhere\n");
    w.write("plain.txt", "plain\n");
    w.git(["add", "."]).ok();
    w.git(["commit", "-qnm", "base"]).ok();
    let a = w.session("a");
    Some((w, a))
}

/// More than one packet of the protocol.
fn content(n: u8) -> Vec<u8> {
    (0..200_000_u32)
        .map(|i| u8::try_from(i % 251).unwrap_or(0) ^ n)
        .collect()
}

fn pointer(w: &World, spec: &str) -> String {
    let text = w.git(["show", spec]).ok().stdout.clone();
    assert!(text.starts_with("version pointer\noid "), "{spec}: {text}");
    text
}

#[test]
fn a_commit_has_what_the_filter_makes_of_a_file() {
    for process in [false, true] {
        let Some((w, a)) = world(process) else {
            return;
        };
        w.write("one.bin", content(1));
        w.write("deep/two.bin", content(2));
        a.ccc(["commit", "-m", "big", "--", "one.bin", "deep/two.bin"])
            .ok();
        assert_eq!(w.git_text(["status", "--porcelain"]), "");
        let ours = pointer(&w, "HEAD:one.bin");
        w.git(["reset", "-q", "--soft", "HEAD~1"]).ok();
        w.git(["commit", "-qnm", "stock", "--", "one.bin", "deep/two.bin"])
            .ok();
        assert_eq!(
            pointer(&w, "HEAD:one.bin"),
            ours,
            "as git's own commit has it"
        );
        w.write("one.bin", content(3));
        let key = if process {
            "filter.elsewhere.process"
        } else {
            "filter.elsewhere.clean"
        };
        w.git(["config", key, "false"]).ok();
        let before = w.git_text(["rev-parse", "HEAD"]);
        let refused = a.ccc(["commit", "-m", "broken", "--", "one.bin"]);
        assert_ne!(refused.code, 0, "the filter is required: {refused}");
        assert_eq!(w.git_text(["rev-parse", "HEAD"]), before);
    }
}

#[test]
fn saved_work_comes_back_through_no_filter() {
    for process in [false, true] {
        let Some((w, a)) = world(process) else {
            return;
        };
        w.write("one.bin", content(1));
        w.git(["add", "."]).ok();
        w.git(["commit", "-qnm", "big"]).ok();
        w.write("one.bin", content(2));
        w.write("staged.bin", content(3));
        w.git(["add", "staged.bin"]).ok();
        w.write("new.bin", content(4));
        let staged = pointer(&w, ":staged.bin");
        a.ccc(["wip", "save"]).ok();
        w.git(["reset", "-q", "--hard"]).ok();
        w.git(["clean", "-qfdx"]).ok();
        assert_eq!(
            std::fs::read(w.repo().join("one.bin")).expect("a file"),
            content(1)
        );
        a.ccc(["wip", "restore"]).ok();
        for (name, n) in [("one.bin", 2), ("staged.bin", 3), ("new.bin", 4)] {
            let bytes = std::fs::read(w.repo().join(name)).expect("a file");
            assert!(bytes == content(n), "{name} is as it stood");
        }
        assert_eq!(pointer(&w, ":staged.bin"), staged);
    }
}

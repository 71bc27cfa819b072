//! Pure decisions of the hooks: what blocks a change, what a commit settles.

use crate::base::{
    id::{ClaimId, SessionTag},
    scope::{Fold, Scope},
};
use crate::features::claim::logic::State;

/// Returns the scope of a changed path.
pub fn scope_of(path: &str) -> Option<Scope> {
    Scope::nearest(path)
}

/// Returns the changed paths that are judged: those no exempt scope covers.
pub fn judged(paths: Vec<Scope>, exempt: &[Scope], fold: Fold) -> Vec<Scope> {
    let free = |path: &Scope| exempt.iter().any(|scope| scope.covers(path, fold));
    paths.into_iter().filter(|path| !free(path)).collect()
}

/// Returns the paths that policy wants claimed and that the session does not hold.
pub fn unclaimed(
    state: &State,
    session: &SessionTag,
    require: &[Scope],
    paths: &[Scope],
) -> Vec<Scope> {
    let covered =
        |scopes: &[Scope], path: &Scope| scopes.iter().any(|scope| scope.covers(path, state.fold));
    let held = |path: &Scope| {
        state
            .held_by(session)
            .any(|claim| covered(&claim.record.scopes, path))
    };
    paths
        .iter()
        .filter(|path| covered(require, path) && !held(path))
        .cloned()
        .collect()
}

/// Returns the session's claims that were taken until a commit and whose every scope the commit has touched.
pub fn settled(state: &State, session: &SessionTag, paths: &[Scope]) -> Vec<ClaimId> {
    let touched = |scope: &Scope| paths.iter().any(|path| scope.covers(path, state.fold));
    state
        .held_by(session)
        .filter(|claim| claim.record.until_commit && claim.record.scopes.iter().all(touched))
        .map(|claim| claim.id.clone())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_without_a_scope_is_judged_by_its_directory() {
        let long = format!("src/{}", "x".repeat(5000));
        assert_eq!(scope_of(&long), Scope::literal("src").ok());
        assert_eq!(scope_of("src/[a].rs"), Scope::literal("src/[a].rs").ok());
    }

    #[test]
    fn an_exempt_path_is_not_judged() {
        let scope = |text: &str| Scope::parse(text).expect("a scope");
        let paths = vec![scope("docs/a.md"), scope("src/a.rs")];
        assert_eq!(
            judged(paths, &[scope("docs/")], Fold::default()),
            [scope("src/a.rs")]
        );
    }
}

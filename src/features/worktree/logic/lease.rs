//! Which port or slot a worktree gets.

use crate::features::{
    template::model::{Leases, port_range},
    worktree::model::Lease,
};

/// Something of which one is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Want {
    /// What stands for it: `port.web`.
    pub name: String,
    /// What may be taken, the best first.
    pub from: Vec<Lease>,
}

/// Returns what a template wants; what the worktree had before comes first.
pub fn wants(leases: &Leases, had: &[Lease]) -> Vec<Want> {
    let mut all = Vec::new();
    for (name, range) in &leases.ports {
        let name = format!("port.{name}");
        let (first, last) = port_range(range).unwrap_or((1, 0));
        let ports = (first..=last).map(|port| lease(&name, "port", &port.to_string()));
        all.push(Want {
            from: ports.collect(),
            name,
        });
    }
    for (slot, names) in &leases.slots {
        let name = format!("slot.{slot}");
        let kind = format!("slot/{slot}");
        let slots = names.iter().map(|value| lease(&name, &kind, value));
        all.push(Want {
            from: slots.collect(),
            name,
        });
    }
    for want in &mut all {
        let old = had.iter().find(|lease| lease.name == want.name);
        if let Some(old) = old.filter(|old| want.from.contains(old)) {
            want.from.retain(|lease| lease != old);
            want.from.insert(0, old.clone());
        }
    }
    all
}

/// Returns what a worktree had, and nothing else, as wants: its template is gone.
pub fn as_before(had: &[Lease]) -> Vec<Want> {
    let want = |lease: &Lease| Want {
        name: lease.name.clone(),
        from: vec![lease.clone()],
    };
    had.iter().map(want).collect()
}

fn lease(name: &str, kind: &str, value: &str) -> Lease {
    Lease {
        name: name.to_owned(),
        scope: format!("res:{kind}/{value}"),
        value: value.to_owned(),
    }
}

/// Chooses one of each; the name of the first want for which none is left is the error.
pub fn choose(wants: &[Want], mut free: impl FnMut(&Lease) -> bool) -> Result<Vec<Lease>, String> {
    let mut chosen: Vec<Lease> = Vec::new();
    for want in wants {
        let one = want
            .from
            .iter()
            .find(|lease| chosen.iter().all(|other| other.scope != lease.scope) && free(lease));
        chosen.push(one.cloned().ok_or_else(|| want.name.clone())?);
    }
    Ok(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn none_is_chosen_twice_and_what_was_had_comes_first() {
        let mut leases = Leases::default();
        for name in ["api", "web"] {
            leases.ports.insert(name.to_owned(), "3000-3002".to_owned());
        }
        leases
            .slots
            .insert("db".to_owned(), vec!["a".to_owned(), "b".to_owned()]);
        let values = |had: &[Lease], taken: &[&str]| {
            let free = |lease: &Lease| !taken.contains(&lease.scope.as_str());
            choose(&wants(&leases, had), free)
                .map(|all| all.into_iter().map(|one| one.scope).collect::<Vec<_>>())
        };
        assert_eq!(
            values(&[], &["res:port/3000"]).expect("there is room"),
            ["res:port/3001", "res:port/3002", "res:slot/db/a"]
        );
        let had = [lease("port.web", "port", "3000")];
        assert_eq!(
            values(&had, &[]).expect("there is room")[..2],
            ["res:port/3000", "res:port/3001"],
            "the first in the order of names takes it, the other one has the next"
        );
        assert_eq!(
            values(&[], &["res:slot/db/a", "res:slot/db/b"]),
            Err("slot.db".to_owned())
        );
    }
}

//! `claims`: the windows that vendors and hosts advertise, the same weights side by side.

use super::{Exit, arguments, screen};
use crate::claims::{Claim, Family, Registry, families};
use crate::number::{counted, grouped};
use anyhow::{Result, ensure};

/// Lists the claims that a query finds, or all.
pub fn run(arguments: &arguments::Claims) -> Result<Exit> {
    let query = arguments.query.join(" ");
    let found = Registry::built_in().find(&query);
    ensure!(
        !found.is_empty(),
        "no claim matches `{query}`; add your own with verify --claim"
    );
    let families = families(&found);
    if arguments.json {
        let rows: Vec<&Claim> = families.into_iter().flat_map(|it| it.claims).collect();
        screen::out(&serde_json::to_string_pretty(&rows)?);
    } else {
        for line in table(&families) {
            screen::out(&line);
        }
    }
    Ok(Exit::Done)
}

/// The table, line by line. Rows of weights that several serve stand below a line of their own.
fn table(families: &[Family<'_>]) -> Vec<String> {
    let all = || families.iter().flat_map(|family| &family.claims);
    let width = |field: fn(&Claim) -> usize, head: &str| {
        let widest = all().map(|claim| field(claim)).max().unwrap_or_default();
        widest.max(head.len())
    };
    // Two more for rows that are set in.
    let model_width = 2 + width(|claim| claim.model.chars().count(), "model");
    let host_width = width(|claim| host(claim).len(), "host");
    let row = |model: &str, host: &str, tokens: &str, kind: &str, date: &str, source: &str| {
        format!(
            "{model:<model_width$}  {host:<host_width$}  {tokens:>11}  {kind:<5}  {date:<10}  {source}"
        )
    };
    let mut lines = vec![row("model", "host", "tokens", "kind", "date", "source")];
    for family in families {
        let spread = spread(family);
        let indent = if spread.is_some() { "  " } else { "" };
        lines.extend(spread);
        lines.extend(family.claims.iter().map(|claim| {
            row(
                &format!("{indent}{}", claim.model),
                host(claim),
                &grouped(claim.advertised_tokens),
                claim.kind.name(),
                &claim.date,
                &claim.source,
            )
        }));
    }
    lines
}

fn host(claim: &Claim) -> &str {
    claim.host.as_deref().unwrap_or("(vendor)")
}

/// How far the figures for the same weights lie apart: `Llama 4 Scout: 10,000,000 advertised,
/// 16,384 to 10,485,760 on 11 hosts`. None where one source speaks for all.
fn spread(family: &Family<'_>) -> Option<String> {
    if family.claims.len() < 2 {
        return None;
    }
    let range = |(least, most): (u64, u64)| match least == most {
        true => grouped(most),
        false => format!("{} to {}", grouped(least), grouped(most)),
    };
    let advertised = family
        .advertised_tokens()
        .map(|figures| format!("{} advertised", range(figures)));
    let served = family.served_tokens().map(|figures| {
        let hosts = counted(family.hosts() as u64, "host");
        format!("{} on {hosts}", range(figures))
    });
    let parts: Vec<String> = advertised.into_iter().chain(served).collect();
    Some(format!("{}: {}", family.name, parts.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(csv: &str) -> Vec<String> {
        let head = "model,advertised_tokens,kind,max_output_tokens,host,weights,source,date";
        let registry = Registry::read(&format!("{head}\n{csv}")).expect("a registry");
        table(&families(&registry.find("")))
    }

    #[test]
    fn the_same_weights_stand_together_under_their_spread_and_the_largest_window_first() {
        let told = lines(
            "Small,8192,total,,,small,a card,2026-11\n\
             Big,1000000,input,8192,,big,\"a page, quoted\",2025-04-05\n\
             o/big-it,131072,total,,east,big,its list,2026-11\n\
             o/big,65536,total,,west,big,its list,2026-11\n\
             big,65536,total,,west,big,another list,2026-10\n",
        );
        assert_eq!(
            told,
            [
                "model       host           tokens  kind   date        source",
                "Big: 1,000,000 advertised, 65,536 to 131,072 on 2 hosts",
                "  Big       (vendor)    1,000,000  input  2025-04-05  a page, quoted",
                "  o/big-it  east          131,072  total  2026-11     its list",
                "  o/big     west           65,536  total  2026-11     its list",
                "  big       west           65,536  total  2026-10     another list",
                "Small       (vendor)        8,192  total  2026-11     a card",
            ]
        );
    }

    #[test]
    fn the_spread_names_what_there_is() {
        let spread = |csv: &str| lines(csv)[1].clone();
        let host = |tokens: u64, host: &str| format!("m,{tokens},total,,{host},m,s,2026-11\n");
        let same = host(4096, "a") + &host(4096, "b");
        assert_eq!(spread(&same), "m: 4,096 on 2 hosts");
        let differ = host(4096, "a") + &host(8192, "a");
        assert_eq!(spread(&differ), "m: 4,096 to 8,192 on 1 host");
        let vendors = host(2_000_000, "") + &host(1_000_000, "");
        assert_eq!(spread(&vendors), "m: 1,000,000 to 2,000,000 advertised");
    }
}

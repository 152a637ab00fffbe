//! The words by which names tell their environment, and the order they stand in.

/// The kinds of environment that names tell, the first stage first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Rank {
    Dev,
    Test,
    Staging,
    PreProduction,
    Production,
}

impl Rank {
    /// Returns the name that a stage of this rank gets.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::Test => "test",
            Self::Staging => "staging",
            Self::PreProduction => "pre-production",
            Self::Production => "production",
        }
    }

    /// Returns the rank that one word tells.
    pub fn of_word(word: &str) -> Option<Self> {
        // A look at every path of a repository passes here: most words are none of these.
        let first = word.as_bytes().first().map(u8::to_ascii_lowercase);
        if !matches!(first, Some(b'a' | b'd' | b'i' | b'n' | b'p' | b'q' | b's' | b't' | b'u')) {
            return None;
        }
        match word.to_ascii_lowercase().as_str() {
            "dev" | "devel" | "develop" | "development" | "sandbox" | "sbx" => Some(Self::Dev),
            "test" | "tst" | "testing" | "qa" | "int" | "integration" => Some(Self::Test),
            "staging" | "stage" | "stag" | "stg" | "uat" | "acc" | "acceptance" => Some(Self::Staging),
            "nonproduction" | "nonprod" | "nonprd" | "npd" => Some(Self::Staging),
            "preproduction" | "preprod" | "preprd" | "pprd" | "ppd" => Some(Self::PreProduction),
            "production" | "prod" | "prd" => Some(Self::Production),
            _ => None,
        }
    }

    /// Returns the rank that a name tells by a whole word; none if it tells none, or two.
    pub fn of_name(name: &str) -> Option<Self> {
        let words = words(name);
        let mut ranks = words.iter().enumerate().filter_map(|(at, word)| {
            let before = at.checked_sub(1).and_then(|at| words.get(at)).map(|word| word.to_ascii_lowercase());
            match (Self::of_word(word)?, before.as_deref()) {
                (Self::Production, Some("pre")) => Some(Self::PreProduction),
                (Self::Production, Some("non")) => Some(Self::Staging),
                (rank, _) => Some(rank),
            }
        });
        let first = ranks.next()?;
        ranks.all(|rank| rank == first).then_some(first)
    }

    /// Tells whether a name holds a word of an environment.
    pub fn is_told_by(name: &str) -> bool {
        words(name).iter().any(|word| Self::of_word(word).is_some())
    }
}

/// Splits a name at everything that is neither letter nor digit.
pub(super) fn words(name: &str) -> Vec<&str> {
    name.split(|char: char| !char.is_alphanumeric()).filter(|word| !word.is_empty()).collect()
}

/// Returns a name without a leading or trailing word that names the environment, which tells this rank.
pub(super) fn without_environment<'a>(name: &'a str, environment: &str, rank: Option<Rank>) -> &'a str {
    let separator = |char: char| !char.is_alphanumeric();
    let trimmed = |rest: &'a str| Some(rest).filter(|rest| !rest.is_empty());
    // The environment's whole name first: `prod-eu` of `my-app-prod-eu`.
    let whole = name
        .strip_suffix(environment)
        .and_then(|rest| rest.strip_suffix(separator))
        .or_else(|| name.strip_prefix(environment).and_then(|rest| rest.strip_prefix(separator)));
    if let Some(rest) = whole.and_then(trimmed) {
        return rest;
    }
    let Some(rank) = rank else { return name };
    // `pre-prod` is one word in two, so two words are tried first.
    for parts in [2, 1] {
        let tells = |text: &str| {
            let first = words(text).first().map(|word| word.to_ascii_lowercase());
            (parts == 1 || matches!(first.as_deref(), Some("pre" | "non"))) && Rank::of_name(text) == Some(rank)
        };
        let trailing = name.rmatch_indices(separator).nth(parts - 1);
        if let Some((at, separator)) = trailing
            && name.get(at + separator.len()..).is_some_and(tells)
            && let Some(rest) = name.get(..at).and_then(trimmed)
        {
            return rest;
        }
        let leading = name.match_indices(separator).nth(parts - 1);
        if let Some((at, separator)) = leading
            && name.get(..at).is_some_and(tells)
            && let Some(rest) = name.get(at + separator.len()..).and_then(trimmed)
        {
            return rest;
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_told_by_whole_words() {
        assert_eq!(Rank::of_name("uksouth-prod"), Some(Rank::Production));
        assert_eq!(Rank::of_name("pre-prod"), Some(Rank::PreProduction));
        assert_eq!(Rank::of_name("preprod_eu"), Some(Rank::PreProduction));
        assert_eq!(Rank::of_name("stg"), Some(Rank::Staging));
        assert_eq!(Rank::of_name("non-prod"), Some(Rank::Staging));
        assert_eq!(Rank::of_name("nonprod-weu-1"), Some(Rank::Staging));
        assert_eq!(Rank::of_name("prod-eu-1"), Some(Rank::Production));
        assert_eq!((Rank::of_name("qa"), Rank::of_name("uat")), (Some(Rank::Test), Some(Rank::Staging)));
        assert_eq!(Rank::of_name("products"), None);
        assert_eq!(Rank::of_name("dev-prod"), None);
        assert!(Rank::Dev < Rank::Test && Rank::Staging < Rank::PreProduction);
    }

    #[test]
    fn the_environment_is_taken_off_a_name() {
        fn without<'a>(name: &'a str, environment: &str) -> &'a str {
            without_environment(name, environment, Rank::of_name(environment))
        }
        assert_eq!(without("my-app-prod", "production"), "my-app");
        assert_eq!(without("prod-my-app", "production"), "my-app");
        assert_eq!(without("my-app-prod-eu", "prod-eu"), "my-app");
        assert_eq!(without("my-app-pre-prod", "preprod"), "my-app");
        assert_eq!(without("my-app-staging", "production"), "my-app-staging");
        assert_eq!(without("products", "prod"), "products");
        assert_eq!(without("prod", "prod"), "prod");
        assert_eq!(without("cart", "lab"), "cart");
    }
}

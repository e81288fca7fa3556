//! What part of speech a word can be: closed words by name, open ones by WordNet's lists and their endings.

use std::collections::{BTreeMap, BTreeSet};

/// Parts of speech; open ones from [`NN`] on.
pub const SENT: u8 = 0;
pub const COMMA: u8 = 1;
pub const DET: u8 = 2;
pub const POSS: u8 = 3;
pub const SUBJ: u8 = 4;
pub const OBJ: u8 = 5;
pub const PRO: u8 = 6;
pub const PREP: u8 = 7;
pub const TO: u8 = 8;
pub const AND: u8 = 9;
pub const SUB: u8 = 10;
pub const WH: u8 = 11;
pub const MODAL: u8 = 12;
pub const BE: u8 = 13;
pub const HAVE: u8 = 14;
pub const DO: u8 = 15;
pub const NOT: u8 = 16;
pub const NUM: u8 = 17;
pub const DEG: u8 = 18;
pub const QUANT: u8 = 19;
pub const NN: u8 = 20;
pub const NNS: u8 = 21;
pub const VB: u8 = 22;
pub const VBZ: u8 = 23;
pub const VBD: u8 = 24;
pub const VBN: u8 = 25;
pub const VBG: u8 = 26;
pub const JJ: u8 = 27;
pub const JJR: u8 = 28;
pub const RB: u8 = 29;
pub const NAME: u8 = 30;
pub const TAGS: usize = 31;

/// Words of the grammar, which stay as they are.
const CLOSED: &[(u8, &str)] = &[
    (DET, "a an the this these those every each either neither"),
    (POSS, "my his her its our their your thy thine whose s own"),
    (SUBJ, "i he she we they thou ye who"),
    (
        OBJ,
        "me him us them thee myself himself herself itself ourselves themselves yourself yourselves thyself whom",
    ),
    (
        PRO,
        "it you that there here mine hers ours theirs yours one ones none nothing something anything everything nobody somebody anybody everybody someone anyone everyone nought naught",
    ),
    (
        PREP,
        "of in on at by for from with into upon unto about over under through during between among amongst against without within toward towards above below beneath beside besides beyond behind before after since until till across along around round up down out off near like despite throughout amid amidst notwithstanding concerning respecting regarding per via onto underneath except save as than",
    ),
    (TO, "to"),
    (AND, "and or but nor & plus"),
    (
        SUB,
        "if when while because though although unless whether where how why lest whereas whenever wherever once so",
    ),
    (
        WH,
        "which what whatever whoever whichever wherein whereby whereof whereon whereupon",
    ),
    (MODAL, "ought cannot"),
    (BE, "be am is are was were been being art wert wast"),
    (HAVE, "have has had having hath hast hadst"),
    (DO, "do does did done doing doth dost didst"),
    (NOT, "not never"),
    (
        DEG,
        "very too ever only even yet yes oh ah aye nay no else alas pray please let hitherto thereof therein thereby thereto thereon therefrom hereby herein hereof hereafter heretofore",
    ),
    (
        QUANT,
        "all both some any many much more most few several such other others another same half enough less least little whole certain",
    ),
    (NUM, "first second third last next zero dozen"),
    // Words that could give offence beside others than their own, or make a filter answer.
    (
        JJ,
        "jewish muslim islamic christian catholic protestant black white negro mulatto gay homosexual heathen sex sexual sexually naked nude retarded savage racist racial nazi fascist suicidal porno squaw",
    ),
    (
        NN,
        "jew islam islamism christianity judaism rape porn pornography pornographer incest suicide abortion genocide holocaust nigger negress whore slave slavery infidel bomb terrorism terrorist cannibal pedophile pedophilia bitch hitler shit bullshit fuck bastard masturbation cocaine heroin",
    ),
    (
        NNS,
        "jews muslims christians catholics protestants blacks whites negroes niggers mulattoes nazis fascists racists gays homosexuals heathens whores slaves infidels bombs terrorists cannibals savages abortions suicides pedophiles explosives rapes drugs",
    ),
    (VBG, "fucking raping"),
    (VBN, "fucked raped"),
    (
        NAME,
        "mr mrs miss ms messrs dr st rev hon esq col gen capt lieut lt sgt prof vs viz etc cf vol ch chap ver fig p pp jr sr co inc nos sir madam chapter",
    ),
];

/// Words that change places with one another alone, whatever else they resemble.
pub const BY_HAND: &[(u8, &str)] = &[
    (MODAL, "can could may might must shall should will would"),
    (NUM, "two three four five six seven nine"),
    (
        NUM,
        "ten twelve thirteen fourteen fifteen sixteen seventeen nineteen",
    ),
    (NUM, "twenty thirty forty fifty sixty seventy ninety"),
    (NUM, "fourth fifth sixth seventh ninth tenth"),
    (NUM, "thousand hundred million billion"),
    (
        NAME,
        "january february april june july september october november december",
    ),
    (
        NAME,
        "monday tuesday wednesday thursday friday saturday sunday",
    ),
    (
        NN,
        "man gentleman father brother son husband boy uncle nephew king prince lad grandfather bridegroom widower monk",
    ),
    (
        NN,
        "woman lady mother sister daughter wife girl aunt niece queen princess grandmother bride widow housekeeper",
    ),
    (
        NNS,
        "men gentlemen fathers brothers sons husbands boys uncles nephews kings princes lads fellows grandfathers",
    ),
    (
        NNS,
        "women ladies mothers sisters daughters wives girls aunts nieces queens princesses widows",
    ),
];

/// Open adverbs without the ending of one.
const ADVERBS: &str = "perhaps indeed however therefore again soon often always already still now then almost quite rather thus also hence otherwise moreover nevertheless furthermore meanwhile sometimes somewhat anew afresh aloud apart aside astray away back forth forward backward forwards backwards hither thither together abroad ashore aboard aloft home well far long late early hard fast twice thrice seldom maybe today tomorrow yesterday to-day to-morrow to-night tonight afterwards afterward presently instead altogether likewise anywhere everywhere somewhere nowhere elsewhere upward downward inward outward just ago";

/// Names that stand like common nouns.
pub const NOUNS_WITH_CAPITALS: &str = "states united union congress senate parliament god heaven christmas providence easter sabbath president executive treasury constitution government administration";

/// Base, past and participle.
const IRREGULAR: &str = "abide abode abode,arise arose arisen,awake awoke awoken,bear bore borne,beat beat beaten,become became become,befall befell befallen,begin began begun,behold beheld beheld,bend bent bent,bereave bereft bereft,beseech besought besought,bestow bestowed bestowed,bid bade bidden,bind bound bound,bite bit bitten,bleed bled bled,blow blew blown,break broke broken,breed bred bred,bring brought brought,build built built,burn burnt burnt,buy bought bought,catch caught caught,choose chose chosen,cling clung clung,come came come,creep crept crept,deal dealt dealt,dig dug dug,draw drew drawn,dream dreamt dreamt,drink drank drunk,drive drove driven,dwell dwelt dwelt,eat ate eaten,fall fell fallen,feed fed fed,feel felt felt,fight fought fought,find found found,flee fled fled,fling flung flung,fly flew flown,forbear forbore forborne,forbid forbade forbidden,foresee foresaw foreseen,forget forgot forgotten,forgive forgave forgiven,forsake forsook forsaken,freeze froze frozen,get got gotten,give gave given,go went gone,grind ground ground,grow grew grown,hang hung hung,hear heard heard,hide hid hidden,hold held held,keep kept kept,kneel knelt knelt,know knew known,lay laid laid,lead led led,leap leapt leapt,learn learnt learnt,leave left left,lend lent lent,lie lay lain,light lit lit,lose lost lost,make made made,mean meant meant,meet met met,mistake mistook mistaken,overcome overcame overcome,overtake overtook overtaken,pay paid paid,prove proved proven,rend rent rent,ride rode ridden,ring rang rung,rise rose risen,run ran run,say said said,see saw seen,seek sought sought,sell sold sold,send sent sent,shake shook shaken,shine shone shone,shoot shot shot,show showed shown,shrink shrank shrunk,sing sang sung,sink sank sunk,sit sat sat,slay slew slain,sleep slept slept,slide slid slid,smite smote smitten,sow sowed sown,speak spoke spoken,speed sped sped,spend spent spent,spell spelt spelt,spill spilt spilt,spin spun spun,spring sprang sprung,stand stood stood,steal stole stolen,stick stuck stuck,strike struck stricken,strive strove striven,swear swore sworn,sweep swept swept,swell swelled swollen,swim swam swum,swing swung swung,take took taken,teach taught taught,tear tore torn,tell told told,think thought thought,thrive throve thriven,throw threw thrown,tread trod trodden,undergo underwent undergone,understand understood understood,undertake undertook undertaken,undo undid undone,uphold upheld upheld,wake woke woken,wear wore worn,weave wove woven,weep wept wept,win won won,wind wound wound,withdraw withdrew withdrawn,withhold withheld withheld,withstand withstood withstood,wring wrung wrung,write wrote written,overthrow overthrew overthrown,outgrow outgrew outgrown,partake partook partaken,retell retold retold,unbind unbound unbound,shed shed shed,set set set,put put put,cut cut cut,cast cast cast,cost cost cost,hit hit hit,hurt hurt hurt,let let let,read read read,rid rid rid,shut shut shut,split split split,spread spread spread,burst burst burst,thrust thrust thrust,beset beset beset,upset upset upset,quit quit quit,bet bet bet,broadcast broadcast broadcast,sublet sublet sublet,dare durst dared";

const PLURALS: &str = "people children feet teeth geese mice oxen cattle oxen lice dice police folk clergy data phenomena alumni criteria memoranda selves";

/// The parts of speech that words can be.
pub struct Lexicon {
    closed: BTreeMap<&'static str, u8>,
    by_hand: BTreeMap<&'static str, u8>,
    adverbs: BTreeSet<&'static str>,
    irregular: BTreeMap<&'static str, u32>,
    plurals: BTreeSet<&'static str>,
    numerals: BTreeSet<String>,
    wordnet: BTreeMap<String, (bool, bool, bool)>,
}

const fn bit(tag: u8) -> u32 {
    1 << tag
}

impl Lexicon {
    /// With WordNet's lists, one word a line with the letters of its lists: `order nv`.
    pub fn new(wordnet: &str) -> Lexicon {
        let mut closed = BTreeMap::new();
        for (tag, words) in CLOSED {
            closed.extend(words.split(' ').map(|word| (word, *tag)));
        }
        let mut by_hand = BTreeMap::new();
        for (tag, words) in BY_HAND {
            by_hand.extend(words.split(' ').map(|word| (word, *tag)));
        }
        let mut irregular: BTreeMap<&'static str, u32> = BTreeMap::new();
        for verb in IRREGULAR.split(',') {
            for (form, tag) in verb.split(' ').zip([VB, VBD, VBN]) {
                *irregular.entry(form).or_default() |= bit(tag);
            }
        }
        let listed = wordnet.lines().filter_map(|line| {
            let (word, lists) = line.split_once(' ')?;
            let on = |list| lists.contains(list);
            Some((word.to_string(), (on('n'), on('v'), on('a'))))
        });
        Lexicon {
            closed,
            by_hand,
            adverbs: ADVERBS.split(' ').collect(),
            irregular,
            plurals: PLURALS.split(' ').collect(),
            numerals: (1..140).map(roman).collect(),
            wordnet: listed.collect(),
        }
    }

    /// True for a word that every volume keeps.
    pub fn is_kept(&self, word: &str) -> bool {
        let letters = word.chars().count();
        letters < 2
            || self.closed.contains_key(word)
            || self.numerals.contains(word)
            || !word.bytes().all(|byte| byte.is_ascii_lowercase())
    }

    /// True for a word of a group that was made by hand.
    pub fn is_by_hand(&self, word: &str) -> bool {
        self.by_hand.contains_key(word)
    }

    fn is_noun(&self, word: &str) -> bool {
        self.wordnet.get(word).is_some_and(|lists| lists.0)
    }

    fn is_verb(&self, word: &str) -> bool {
        self.wordnet.get(word).is_some_and(|lists| lists.1)
    }

    /// True for a word on WordNet's list of adjectives.
    pub fn is_adjective(&self, word: &str) -> bool {
        self.wordnet.get(word).is_some_and(|lists| lists.2)
    }

    /// True for a word that WordNet lists.
    pub fn is_listed(&self, word: &str) -> bool {
        self.wordnet.contains_key(word)
    }

    /// True for the plural of a noun.
    pub fn is_plural(&self, word: &str) -> bool {
        self.plurals.contains(word)
            || (!word.ends_with("ss") && singulars(word).iter().any(|stem| self.is_noun(stem)))
    }

    /// The parts of speech that a word in lower case can be, as bits.
    pub fn tags(&self, word: &str) -> u32 {
        if let Some(tag) = self.closed.get(word).or_else(|| self.by_hand.get(word)) {
            return bit(*tag);
        }
        if self.numerals.contains(word) {
            return bit(NUM);
        }
        let mut tags = self.irregular.get(word).copied().unwrap_or(0);
        let is_base = tags & bit(VB) > 0 || tags == 0;
        if self.adverbs.contains(word) || word.ends_with("ly") {
            tags |= bit(RB);
        }
        let plural = self.is_plural(word);
        if plural {
            tags |= bit(NNS);
        }
        if self.is_noun(word) && !(plural && word.ends_with('s')) {
            tags |= bit(NN);
        }
        if self.is_verb(word) && is_base {
            tags |= bit(VB);
        }
        if self.is_adjective(word) {
            tags |= bit(JJ);
        }
        if !word.ends_with("ss") && singulars(word).iter().any(|stem| self.is_verb(stem)) {
            tags |= bit(VBZ);
        }
        if stems(word, "ed").iter().any(|stem| self.is_verb(stem)) {
            tags |= bit(VBD) | bit(VBN);
        }
        if stems(word, "ing").iter().any(|stem| self.is_verb(stem)) {
            tags |= bit(VBG);
        }
        for ending in ["er", "est"] {
            if stems(word, ending)
                .iter()
                .any(|stem| self.is_adjective(stem))
            {
                tags |= bit(JJR);
            }
        }
        if tags == 0 { by_ending(word) } else { tags }
    }
}

fn singulars(word: &str) -> Vec<String> {
    let mut stems = Vec::new();
    if let Some(stem) = word.strip_suffix('s') {
        stems.push(stem.to_string());
    }
    if let Some(stem) = word.strip_suffix("es") {
        stems.push(stem.to_string());
    }
    if let Some(stem) = word.strip_suffix("ies") {
        stems.push(format!("{stem}y"));
    }
    if let Some(stem) = word.strip_suffix("ves") {
        stems.extend([format!("{stem}f"), format!("{stem}fe")]);
    }
    stems
}

/// What may stand before an ending: as it is, with an e, with y for i, without a doubled letter.
fn stems(word: &str, ending: &str) -> Vec<String> {
    let Some(stem) = word.strip_suffix(ending) else {
        return Vec::new();
    };
    let mut stems = vec![stem.to_string(), format!("{stem}e")];
    if let Some(rest) = stem.strip_suffix('i') {
        stems.push(format!("{rest}y"));
    }
    let bytes = stem.as_bytes();
    if let [.., before, last] = bytes
        && before == last
    {
        stems.push(stem[..stem.len() - 1].to_string());
    }
    stems
}

fn by_ending(word: &str) -> u32 {
    const ENDINGS: &[(&str, u32)] = &[
        ("ness", bit(NN)),
        ("ment", bit(NN)),
        ("tion", bit(NN)),
        ("sion", bit(NN)),
        ("ity", bit(NN)),
        ("ship", bit(NN)),
        ("ism", bit(NN)),
        ("ous", bit(JJ)),
        ("ful", bit(JJ)),
        ("less", bit(JJ)),
        ("able", bit(JJ)),
        ("ible", bit(JJ)),
        ("ive", bit(JJ)),
        ("ical", bit(JJ)),
        ("ed", bit(VBD) | bit(VBN) | bit(JJ)),
        ("ing", bit(VBG) | bit(NN)),
        ("est", bit(JJR) | bit(NN)),
        ("s", bit(NNS) | bit(VBZ)),
    ];
    ENDINGS
        .iter()
        .find(|(ending, _)| word.ends_with(ending))
        .map_or(bit(NN) | bit(JJ) | bit(VB), |(_, tags)| *tags)
}

fn roman(mut number: u32) -> String {
    const DIGITS: &[(u32, &str)] = &[
        (100, "c"),
        (90, "xc"),
        (50, "l"),
        (40, "xl"),
        (10, "x"),
        (9, "ix"),
        (5, "v"),
        (4, "iv"),
        (1, "i"),
    ];
    let mut letters = String::new();
    for (value, digit) in DIGITS {
        while number >= *value {
            letters.push_str(digit);
            number -= value;
        }
    }
    letters
}

"""Paragraphs in many languages: the Universal Declaration of Human Rights, articles 1 to 4, and a remark on a film."""

LATIN = {
    "de": (
        "Alle Menschen sind frei und gleich an Würde und Rechten geboren. Sie sind mit Vernunft und Gewissen "
        "begabt und sollen einander im Geist der Brüderlichkeit begegnen. Jeder hat Anspruch auf die in "
        "dieser Erklärung verkündeten Rechte und Freiheiten ohne irgendeinen Unterschied, etwa nach Rasse, "
        "Hautfarbe, Geschlecht, Sprache, Religion, politischer oder sonstiger Überzeugung. Jeder hat das "
        "Recht auf Leben, Freiheit und Sicherheit der Person. Niemand darf in Sklaverei oder Leibeigenschaft "
        "gehalten werden. Ich war gestern im Kino, und der Film war so gut, dass ich ihn noch einmal sehen "
        "will. Was hat dir denn an ihm gefallen?"
    ),
    "fr": (
        "Tous les êtres humains naissent libres et égaux en dignité et en droits. Ils sont doués de raison et"
        " de conscience et doivent agir les uns envers les autres dans un esprit de fraternité. Chacun peut "
        "se prévaloir de tous les droits et de toutes les libertés proclamés dans la présente Déclaration, "
        "sans distinction aucune. Tout individu a droit à la vie, à la liberté et à la sûreté de sa personne."
        " Nul ne sera tenu en esclavage ni en servitude. On a vu le film hier soir, mais je ne sais pas si "
        "c'est bon, il me semble que non. But atteint, or le but est noble."
    ),
    "es": (
        "Todos los seres humanos nacen libres e iguales en dignidad y derechos y, dotados como están de razón"
        " y conciencia, deben comportarse fraternalmente los unos con los otros. Toda persona tiene todos los"
        " derechos y libertades proclamados en esta Declaración, sin distinción alguna. Todo individuo tiene "
        "derecho a la vida, a la libertad y a la seguridad de su persona. Nadie estará sometido a esclavitud "
        "ni a servidumbre. No me gusta nada la película, he visto cosas mejores, y tú, has visto algo así?"
    ),
    "it": (
        "Tutti gli esseri umani nascono liberi ed eguali in dignità e diritti. Essi sono dotati di ragione e "
        "di coscienza e devono agire gli uni verso gli altri in spirito di fratellanza. Ad ogni individuo "
        "spettano tutti i diritti e tutte le libertà enunciate nella presente Dichiarazione, senza "
        "distinzione alcuna. Ogni individuo ha diritto alla vita, alla libertà ed alla sicurezza della "
        "propria persona. Nessun individuo potrà essere tenuto in stato di schiavitù o di servitù. Il film "
        "non mi è piaciuto per niente, ma gli attori sono bravi."
    ),
    "nl": (
        "Alle mensen worden vrij en gelijk in waardigheid en rechten geboren. Zij zijn begiftigd met verstand"
        " en geweten, en behoren zich jegens elkander in een geest van broederschap te gedragen. Een ieder "
        "heeft aanspraak op alle rechten en vrijheden, in deze Verklaring opgesomd, zonder enig onderscheid "
        "van welke aard ook. Een ieder heeft het recht op leven, vrijheid en onschendbaarheid van zijn "
        "persoon. Niemand zal in slavernij of horigheid gehouden worden. We waren in de bioscoop en de film "
        "was goed of niet zo goed, we had er been in een bad, is dat niet leuk."
    ),
    "da": (
        "Alle mennesker er født frie og lige i værdighed og rettigheder. De er udstyret med fornuft og "
        "samvittighed, og de bør handle mod hverandre i en broderskabets ånd. Enhver har krav på alle de "
        "rettigheder og friheder, som nævnes i denne erklæring, uden forskelsbehandling af nogen art. Enhver "
        "har ret til liv, frihed og personlig sikkerhed. Ingen må holdes i slaveri eller trældom. Det er godt"
        " at have en god film for at se den, og der er all grund til det, men jeg kan ikke lide den."
    ),
    "sv": (
        "Alla människor är födda fria och lika i värde och rättigheter. De har utrustats med förnuft och "
        "samvete och bör handla gentemot varandra i en anda av gemenskap. Envar är berättigad till alla de "
        "fri- och rättigheter, som uttalas i denna förklaring, utan åtskillnad av något slag. Var och en har "
        "rätt till liv, frihet och personlig säkerhet. Ingen får hållas i slaveri eller träldom. Jag såg en "
        "film i går men den var inte bra, vi har sett bättre filmer hos dig."
    ),
    "pt": (
        "Todos os seres humanos nascem livres e iguais em dignidade e em direitos. Dotados de razão e de "
        "consciência, devem agir uns para com os outros em espírito de fraternidade. Todos os seres humanos "
        "podem invocar os direitos e as liberdades proclamados na presente Declaração, sem distinção alguma. "
        "Todo o indivíduo tem direito à vida, à liberdade e à segurança pessoal. Ninguém será mantido em "
        "escravatura ou em servidão. Eu não gosto do filme, mas a minha mãe me disse que é muito bom."
    ),
    "pl": (
        "Wszyscy ludzie rodzą się wolni i równi pod względem swej godności i swych praw. Są oni obdarzeni "
        "rozumem i sumieniem i powinni postępować wobec innych w duchu braterstwa. Każdy człowiek posiada "
        "wszystkie prawa i wolności zawarte w niniejszej Deklaracji bez względu na różnice rasy, koloru, "
        "płci, języka. Każdy człowiek ma prawo do życia, wolności i bezpieczeństwa swej osoby. To my byliśmy "
        "w kinie i to był dobry film, a ty, czy to ci się podobało? Nie, to nie dla mnie."
    ),
    "tr": (
        "Bütün insanlar hür, haysiyet ve haklar bakımından eşit doğarlar. Akıl ve vicdana sahiptirler ve "
        "birbirlerine karşı kardeşlik zihniyeti ile hareket etmelidirler. Herkes, ırk, renk, cinsiyet, dil, "
        "din, siyasi veya diğer herhangi bir akide farkı gözetilmeksizin işbu Beyannamede ilan olunan tekmil "
        "haklardan ve bütün hürriyetlerden istifade edebilir. Yaşamak, hürriyet ve kişi emniyeti her ferdin "
        "hakkıdır. Hiç kimse kölelik veya kulluk altında bulundurulamaz. Film çok güzeldi ama ben on kere can"
        " sıkıntısından öldüm."
    ),
    "fi": (
        "Kaikki ihmiset syntyvät vapaina ja tasavertaisina arvoltaan ja oikeuksiltaan. Heille on annettu "
        "järki ja omatunto, ja heidän on toimittava toisiaan kohtaan veljeyden hengessä. Jokainen on "
        "oikeutettu kaikkiin tässä julistuksessa esitettyihin oikeuksiin ja vapauksiin ilman minkäänlaista "
        "rotuun, väriin, sukupuoleen, kieleen, uskontoon perustuvaa erotusta. Kullakin yksilöllä on oikeus "
        "elämään, vapauteen ja henkilökohtaiseen turvallisuuteen. Elokuva oli hyvä, mutta en pidä siitä, he "
        "ja me olemme eri mieltä."
    ),
    "id": (
        "Semua orang dilahirkan merdeka dan mempunyai martabat dan hak-hak yang sama. Mereka dikaruniai akal "
        "dan hati nurani dan hendaknya bergaul satu sama lain dalam semangat persaudaraan. Setiap orang "
        "berhak atas semua hak dan kebebasan yang tercantum di dalam Pernyataan ini dengan tidak ada "
        "perkecualian apa pun. Setiap orang berhak atas kehidupan, kebebasan dan keselamatan sebagai "
        "individu. Tidak seorang pun boleh diperbudak atau diperhambakan. Saya suka film itu, bagus sekali, "
        "tapi teman saya tidak."
    ),
    "cs": (
        "Všichni lidé rodí se svobodní a sobě rovní co do důstojnosti a práv. Jsou nadáni rozumem a svědomím "
        "a mají spolu jednat v duchu bratrství. Každý má všechna práva a všechny svobody, stanovené touto "
        "deklarací, bez jakéhokoli rozlišování. Každý má právo na život, svobodu a osobní bezpečnost. Nikdo "
        "nesmí být držen v otroctví nebo nevolnictví. My jsme byli v kině a to byl dobrý film, to ti říkám, a"
        " on to ví taky, ale on má jiný názor."
    ),
    "ro": (
        "Toate ființele umane se nasc libere și egale în demnitate și în drepturi. Ele sunt înzestrate cu "
        "rațiune și conștiință și trebuie să se comporte unele față de altele în spiritul fraternității. "
        "Fiecare om se poate prevala de toate drepturile și libertățile proclamate în prezenta Declarație "
        "fără nici un fel de deosebire. Orice ființă umană are dreptul la viață, la libertate și la "
        "securitatea persoanei sale. Nu am văzut filmul, dar el a zis că e bun, are un actor pe care o să-l "
        "placi."
    ),
}
"""In Latin letters, by code."""
OTHER = {
    "ru": "Все люди рождаются свободными и равными в своем достоинстве и правах.",
    "uk": "Всі люди народжуються вільними і рівними у своїй гідності та правах.",
    "el": "Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι στην αξιοπρέπεια και τα δικαιώματα.",
    "zh": "人人生而自由,在尊严和权利上一律平等。他们赋有理性和良心,并应以兄弟关系的精神相对待。",
    "ja": "すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である。",
    "ko": "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다.",
    "ar": "يولد جميع الناس أحرارا متساوين في الكرامة والحقوق.",
    "he": "כל בני האדם נולדו בני חורין ושווים בערכם ובזכויותיהם.",
    "hi": "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता और समानता प्राप्त है।",
    "th": "มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกันในเกียรติศักดิ์และสิทธิ",
}
"""In other letters, by code."""

"""Languages by code and name."""

from difflib import get_close_matches

from sentiprism.errors import UserError, shorten

_ISO_639_1 = """
aa Afar, ab Abkhazian, ae Avestan, af Afrikaans, ak Akan, am Amharic, an Aragonese, ar Arabic, as Assamese,
av Avaric, ay Aymara, az Azerbaijani, ba Bashkir, be Belarusian, bg Bulgarian, bh Bihari languages, bi Bislama,
bm Bambara, bn Bengali, bo Tibetan, br Breton, bs Bosnian, ca Catalan, ce Chechen, ch Chamorro, co Corsican,
cr Cree, cs Czech, cu Church Slavic, cv Chuvash, cy Welsh, da Danish, de German, dv Divehi, dz Dzongkha, ee Ewe,
el Greek, en English, eo Esperanto, es Spanish, et Estonian, eu Basque, fa Persian, ff Fulah, fi Finnish, fj Fijian,
fo Faroese, fr French, fy Western Frisian, ga Irish, gd Gaelic, gl Galician, gn Guarani, gu Gujarati, gv Manx,
ha Hausa, he Hebrew, hi Hindi, ho Hiri Motu, hr Croatian, ht Haitian, hu Hungarian, hy Armenian, hz Herero,
ia Interlingua, id Indonesian, ie Interlingue, ig Igbo, ii Sichuan Yi, ik Inupiaq, io Ido, is Icelandic, it Italian,
iu Inuktitut, ja Japanese, jv Javanese, ka Georgian, kg Kongo, ki Kikuyu, kj Kuanyama, kk Kazakh, kl Kalaallisut,
km Central Khmer, kn Kannada, ko Korean, kr Kanuri, ks Kashmiri, ku Kurdish, kv Komi, kw Cornish, ky Kirghiz,
la Latin, lb Luxembourgish, lg Ganda, li Limburgan, ln Lingala, lo Lao, lt Lithuanian, lu Luba-Katanga, lv Latvian,
mg Malagasy, mh Marshallese, mi Maori, mk Macedonian, ml Malayalam, mn Mongolian, mr Marathi, ms Malay, mt Maltese,
my Burmese, na Nauru, nb Norwegian Bokmål, nd North Ndebele, ne Nepali, ng Ndonga, nl Dutch, nn Norwegian Nynorsk,
no Norwegian, nr South Ndebele, nv Navajo, ny Chichewa, oc Occitan, oj Ojibwa, om Oromo, or Oriya, os Ossetian,
pa Punjabi, pi Pali, pl Polish, ps Pashto, pt Portuguese, qu Quechua, rm Romansh, rn Rundi, ro Romanian, ru Russian,
rw Kinyarwanda, sa Sanskrit, sc Sardinian, sd Sindhi, se Northern Sami, sg Sango, si Sinhala, sk Slovak,
sl Slovenian, sm Samoan, sn Shona, so Somali, sq Albanian, sr Serbian, ss Swati, st Sotho, su Sundanese, sv Swedish,
sw Swahili, ta Tamil, te Telugu, tg Tajik, th Thai, ti Tigrinya, tk Turkmen, tl Tagalog, tn Tswana, to Tonga,
tr Turkish, ts Tsonga, tt Tatar, tw Twi, ty Tahitian, ug Uighur, uk Ukrainian, ur Urdu, uz Uzbek, ve Venda,
vi Vietnamese, vo Volapük, wa Walloon, wo Wolof, xh Xhosa, yi Yiddish, yo Yoruba, za Zhuang, zh Chinese, zu Zulu
"""
_FURTHER = {"haw": "Hawaiian", "yue": "Cantonese", "jw": "Javanese", "mis": "a language without its own code"}
"""Whisper's codes that are not in ISO 639-1, and the standard's code for languages without one."""

NAMES: dict[str, str] = _FURTHER | dict(entry.strip().split(" ", 1) for entry in _ISO_639_1.split(","))
"""English name by code."""


_SAME_WRITING = {"nb": "no", "nn": "no", "jw": "jv"}
"""Codes whose written language a model of the other code can read."""


def same_language(one: str, other: str) -> bool:
    """Whether two codes mean the same language, ignoring the region."""
    bare = [code.lower().replace("_", "-").partition("-")[0] for code in (one, other)]
    return _SAME_WRITING.get(bare[0], bare[0]) == _SAME_WRITING.get(bare[1], bare[1])


def language_name(code: str) -> str:
    """English name of a language; the code itself if unknown."""
    return NAMES.get(code, code)


def check_language(code: str) -> str:
    """Check the code of a language and return it in lower case.

    Args:
        code: two letters of ISO 639-1, or one of the three-letter codes of Whisper and ISO 639.

    Raises:
        UserError: the code is unknown.
    """
    wanted = code.strip().lower()
    if wanted in NAMES:
        return wanted
    raise UserError(f"{shorten(code, 40)!r} is not a language code", _remedy(wanted))


def _remedy(wanted: str) -> str:
    """Suggest the code if a name or a region was given."""
    by_name = {name.lower(): code for code, name in NAMES.items()}
    begin = wanted.replace("_", "-").partition("-")[0]
    near = get_close_matches(wanted[:40], by_name, n=1, cutoff=0.85)
    found = begin if begin in NAMES else by_name[near[0]] if near else None
    if found is not None:
        return f"did you mean {found!r} ({NAMES[found]})?"
    return "give its two-letter ISO 639-1 code, such as 'en', or 'mis' for a language without one"

"""Words to caption, with times as speech has them. Pure; the texts are our own, the times are generated and say so.

In: a text and a speaker. Out: words. A word lasts as long as it is written, give or take a quarter; a speaker stops
after clauses and sentences, hesitates now and then, and sometimes loses the thread for more than a second. Chinese and
Japanese are given word by word, as a recogniser gives them, and their rates are in their own characters.
"""

import random
from dataclasses import dataclass

from subtitles.cues.layout import cells
from subtitles.cues.words import Word

TEXTS = {
    "en": """
Welcome back to the workshop. Today we are going to throw a small bowl, and I want you to watch my left hand rather
than the clay. First you press the clay firmly onto the middle of the wheel, because a lump that sits even a little
off the centre will shake until it tears. Keep your elbows on your knees. When the wall begins to rise, slow the wheel
down and let the water do the work. Most beginners pull too fast; they think that strength helps, but it doesn't. If
you hear a hiss, stop. That is the sound of dry clay under your fingers, and it means the wall is about to twist.
Good. Now take the wire, pull it tight, and cut under the foot in one go. Put the bowl on a board, cover it with a
cloth overnight, and we'll trim it tomorrow when it is as hard as cheese. Any questions? The glaze we used last week
is still in the bucket next to the door, so please stir it before you dip anything.
""",
    "de": """
Willkommen zurück in der Werkstatt. Heute bauen wir ein einfaches Regal, und ich zeige Ihnen, warum die Reihenfolge
der Bohrungen wichtiger ist als das Werkzeug. Legen Sie zuerst alle Bretter nebeneinander auf den Tisch. Wenn ein
Brett gewölbt ist, kommt die hohle Seite nach oben, damit sich die Verbindung unter Belastung schließt. Danach messen
wir den Abstand zwischen den Seitenwänden an drei Stellen, denn kaum eine Zimmerwand ist wirklich gerade. Genau. Jetzt
kommt die Wasserwaage. Viele ziehen die Schrauben sofort fest, aber das ist ein Fehler: Das Holz arbeitet noch, und am
Ende passt die Rückwand nicht mehr. Ziehen Sie alles nur leicht an, prüfen Sie die Diagonalen mit einem Maßband, und
erst wenn beide gleich sind, wird festgeschraubt. Für die Oberfläche reicht ein Leinölfirnis, den man dünn aufträgt
und nach zwanzig Minuten mit einem Lappen abreibt. Den Lappen bitte draußen trocknen lassen, weil er sich sonst selbst
entzünden kann.
""",
    "ru": """
Здравствуйте, это третий урок, и сегодня мы наконец дойдём до замедленной съёмки. На прошлой неделе многие спрашивали,
почему видео дрожит, хотя телефон стоит на штативе. Причина почти всегда одна: стабилизация ищет движение там, где его
нет. Выключите её. Теперь посмотрите на окно за моей спиной. Если снимать против света, лицо станет тёмным, и никакая
обработка этого не исправит. Поставьте лампу сбоку, чуть выше глаз, и накройте её тонкой бумагой. Так. Дальше выбираем
частоту кадров, и здесь важно помнить, что лампы мерцают вместе с сетью. Снимайте двадцать пять или пятьдесят кадров в
секунду, а не тридцать. После этого проверьте звук в наушниках, потому что холодильник на кухне слышно даже через
стену. Когда всё готово, сделайте короткую пробу и посмотрите её на большом экране. Домашнее задание простое: снимите
одну минуту без единой склейки и пришлите её до пятницы вместе с описанием света.
""",
    "es": """
Bienvenidos a la tercera clase de cocina. Hoy vamos a preparar un pan sencillo, sin máquina y sin prisa, y veremos por
qué la masa necesita más tiempo que trabajo. Primero mezclamos la harina con el agua y la dejamos descansar media
hora. No hay que amasar todavía. Cuando la toquen, notarán que se estira sin romperse; eso lo hace el agua, no la
fuerza de sus manos. Después añadimos la sal y la levadura disuelta en un poco de leche tibia. Muy bien. Ahora doblen
la masa desde los bordes hacia el centro, como si cerraran un sobre, y repitan cada veinte minutos. Si la cocina está
fría, pongan el bol dentro del horno apagado con la luz encendida. Mucha gente abre el horno para mirar, pero así se
escapa el vapor que da brillo a la corteza. Esperen hasta que el pan suene hueco al golpearlo por debajo. Y aunque
cueste, déjenlo enfriar una hora antes de cortarlo, porque por dentro todavía se está cociendo.
""",
    "zh": """
大家 好 ， 欢迎 回到 我们 的 课程 。 今天 我们 学习 怎么 用 手机 拍摄 一段 稳定 的 视频 。 很多 人 以为 需要 昂贵 的
设备 ， 其实 一张 桌子 和 几本 书 就 够 了 。 首先 把 手机 横着 放 好 ， 让 镜头 和 眼睛 一样 高 。 然后 打开 窗帘 ，
因为 自然光 比 任何 灯 都 柔和 。 如果 背后 有 窗户 ， 脸 就 会 变 黑 ， 所以 请 换 一个 方向 。 对 。 接下来 我们 说
声音 。 冰箱 和 空调 的 噪音 听起来 很 小 ， 但是 录 下来 会 非常 明显 ， 最好 先 关掉 它们 。 说话 的 时候 不要 太 快
， 每 一句 后面 停 一下 ， 这样 剪辑 起来 会 容易 很多 。 拍 完 以后 马上 看 一遍 ， 确认 没有 问题 再 收拾 东西 。
作业 是 拍 一分钟 的 自我介绍 ， 星期五 以前 发 给 我 。
""",
    "ja": """
みなさん 、 こんにちは 。 今日 は 木 の 椅子 を 直す 方法 を 勉強 します 。 古い 椅子 が 揺れる の は 、 接着剤 が
乾いて 割れた から です 。 まず 脚 を 一本 ずつ 外して 、 番号 を 書いて ください 。 次 に 古い 接着剤 を お湯 で
柔らかく して 、 小さな ナイフ で 削ります 。 ここ で 急ぐ と 木 が 傷つく ので 、 ゆっくり 進めましょう 。 はい 。
新しい 接着剤 は 薄く 塗る だけ で 十分 です 。 たくさん 塗れば 強く なる と 思う 人 が 多い の です が 、 実は 逆
です 。 組み立てたら 、 平らな 机 の 上 に 置いて 、 四本 の 脚 が 全部 床 に つく か 確かめて ください 。 それから
ロープ で 締めて 、 一晩 そのまま 待ちます 。 しかし 、 冬 は 部屋 が 寒い ので 二日 ぐらい 必要 です 。 最後 に 蜜蝋
を 布 に つけて 、 木目 に 沿って 磨けば 完成 です 。
""",
}
UNSPACED = ("zh", "ja")


@dataclass(frozen=True, slots=True, kw_only=True)
class Speaker:
    """`cps` is how fast a phrase is spoken, pauses aside; `stops` stretches the pauses, `loses_thread` is a chance."""

    name: str
    cps: float
    stops: float
    loses_thread: float


# What the guides call comfortable is 17 at most; a fast presenter speaks at 19, and nobody reads the last one.
SPEAKERS = (
    Speaker(name="calm", cps=10.5, stops=1.5, loses_thread=0.02),
    Speaker(name="usual", cps=13.0, stops=1.0, loses_thread=0.01),
    Speaker(name="brisk", cps=15.0, stops=0.8, loses_thread=0.005),
    Speaker(name="fast", cps=19.0, stops=0.6, loses_thread=0.0),
    Speaker(name="racing", cps=22.0, stops=0.35, loses_thread=0.0),
)
# Characters a second of Chinese and Japanese speech, as a share of the rates above.
SHARE = {"zh": 0.37, "ja": 0.5}


def tokens(text: str, language: str) -> list[str]:
    """Words as a recogniser gives them: a mark of punctuation belongs to what is before it."""
    found: list[str] = []
    for part in text.split():
        if found and language in UNSPACED and part in "、。，！？":
            found[-1] += part
        else:
            found.append(part)
    return found


def spoken(texts: list[str], speaker: Speaker, language: str, seed: int) -> list[Word]:
    """The same words and times for the same seed."""
    dice = random.Random(f"{language}/{speaker.name}/{seed}")
    cps = speaker.cps * SHARE.get(language, 1.0)
    wide = 2 if language in UNSPACED else 1
    at_ms, words = dice.randint(200, 1500), list[Word]()
    for text in texts:
        length = cells(text) / wide + (0 if wide == 2 else 1)
        lasts_ms = max(60, round(1000 * length / cps * dice.uniform(0.75, 1.25)))
        words.append(Word(start_ms=at_ms, end_ms=at_ms + lasts_ms, text=text))
        at_ms += lasts_ms + _pause_ms(text, speaker, dice)
    return words


def _pause_ms(text: str, speaker: Speaker, dice: random.Random) -> int:
    if text[-1] in ".!?。！？":
        return round(dice.uniform(350, 1300) * speaker.stops)
    if text[-1] in ",;:，、":
        return round(dice.uniform(80, 450) * speaker.stops)
    if dice.random() < speaker.loses_thread:
        return dice.randint(1000, 2500)
    return round(dice.uniform(150, 500) * speaker.stops) if dice.random() < 0.04 else 0

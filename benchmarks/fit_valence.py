"""Fit the valence readout: VADER's word valences (MIT licence) from sentence vectors, by ridge.

Run: python benchmarks/fit_valence.py. Writes 514 numbers: weights, the score of plain text, scale.
A lexicon of feelings says nothing about plain things, so plain nouns and plain sentences join the
fit with a valence of zero, and set the zero and the scale. None of them is in the tests.
"""

from pathlib import Path

import numpy as np
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from qwen_audio_tools.engines.embedded.emotion import valence
from qwen_audio_tools.engines.embedded.meaning.sentence_encoder import SentenceEncoder

RIDGE = 15.0
PLAIN_WEIGHT = 6.0
SPREADS = 4.0
NEUTRAL = """\
The bus stops at the corner of Main Street.
He opened the window and sat down.
The box contains twelve pencils and a ruler.
We moved to this city in two thousand and four.
The shop is open from eight to six.
She is reading a book about rivers.
Add two cups of flour and one of water.
The road turns left after the bridge.
It is about five degrees outside.
The file is in the second folder.
My brother works in an office near the station.
The lecture covers chapters three and four.
这本书有三百页。
他每天八点上班。
请在前面的路口左转。
商店在二楼。
今天是星期三。
我住在北京的南边。
La tienda abre a las ocho.
El libro tiene trescientas páginas.
Das Buch hat dreihundert Seiten.
Er wohnt in der Nähe vom Bahnhof.
Le magasin ouvre à huit heures.
Il habite près de la gare."""


NOUNS = """\
table chair window door wall floor roof kitchen garden street road bridge river lake mountain
valley forest field village city country map station airport harbour ship boat train bus car
bicycle wheel engine ticket suitcase bag box bottle glass cup plate spoon knife bread butter
cheese apple potato rice soup tea coffee milk water salt paper pencil book page chapter letter
number word sentence language lesson school teacher student office desk computer keyboard screen
telephone camera clock hour minute week month year morning evening Monday Friday winter summer
rain snow wind cloud shirt shoe coat hat button needle rope wood stone metal iron copper brick
sand oil machine tool hammer factory shop market price list report form folder shelf drawer key
pipe cable lamp battery signal platform corner square tower church museum library hotel room bed
blanket horse cow sheep tree leaf grass seed root committee meeting agenda budget department
manager customer account percent system"""
CHINESE_NOUNS = """\
桌子 椅子 窗户 门 墙 厨房 街道 桥 河 湖 山 森林 村子 城市 地图 车站 机场 船 火车 公共汽车 汽车
自行车 票 箱子 瓶子 杯子 盘子 面包 苹果 米饭 汤 茶 咖啡 牛奶 水 纸 铅笔 书 信 数字 句子 语言 学校
老师 学生 办公室 电脑 屏幕 电话 钟 小时 星期 月份 早上 晚上 冬天 夏天 雨 雪 风 衣服 鞋 木头 石头
机器 工厂 商店 市场 价格 报告 文件 架子 钥匙 灯 房间"""
FRAMES = (
    "The {} is over there.", "Put it next to the {}.", "There is a {} in the picture.",
    "The {} was built in 1950.", "He asked about the {}.", "They counted every {} on the list.",
)  # fmt: skip
CHINESE_FRAMES = ("{}在那边。", "请把它放在{}旁边。", "图上有{}。", "他问到{}。")


def plain_texts() -> list[str]:
    """Return texts without feelings: nouns, nouns in frames, and the sentences above."""
    nouns, chinese_nouns = NOUNS.split(), CHINESE_NOUNS.split()
    framed = [FRAMES[k % len(FRAMES)].format(noun) for k, noun in enumerate(nouns)]
    chinese = [
        CHINESE_FRAMES[k % len(CHINESE_FRAMES)].format(noun) for k, noun in enumerate(chinese_nouns)
    ]
    return [*nouns, *framed, *chinese_nouns, *chinese, *NEUTRAL.splitlines() * 2]


def main() -> None:
    encoder = SentenceEncoder()
    lexicon = SentimentIntensityAnalyzer().lexicon
    words = [w for w in lexicon if len(w) > 2 and w.replace("'", "").replace("-", "").isalpha()]
    plain = plain_texts()
    target = np.array([*(lexicon[word] / 4.0 for word in words), *(0.0 for _ in plain)])
    weight = np.array([*(1.0 for _ in words), *(PLAIN_WEIGHT for _ in plain)])
    vectors = encoder.encode([*words, *plain]).astype(np.float64)
    vectors = np.hstack([vectors, np.ones((len(vectors), 1))])
    penalty = RIDGE * np.eye(vectors.shape[1])
    penalty[-1, -1] = 1e-6
    normal = vectors.T @ (vectors * weight[:, None]) + penalty
    solved = np.linalg.solve(normal, vectors.T @ (target * weight))
    residual = vectors[len(words) :] @ solved
    scale = SPREADS * float(residual.std())
    numbers = np.array([*solved[:-1], float(residual.mean() - solved[-1]), scale], np.float32)
    path = Path(valence.__file__).with_name(valence.READOUT)
    np.save(path, numbers)
    print(f"{path.name}: {len(words)} + {len(plain)} texts, plain ones spread {residual.std():.3f}")


if __name__ == "__main__":
    main()

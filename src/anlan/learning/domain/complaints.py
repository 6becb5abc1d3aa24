"""What people complain about in an ordinary week, and how often.

Several kinds share words with real dangers on purpose: a falling tree, a crowded
bus, a smell from a restaurant.  A rule that cannot tell them apart shows it in the
count of false alerts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Language = Literal["zh", "en"]

DAY = (9.0, 11.0, 15.0, 18.0, 20.0)
NIGHT = (22.0, 23.5, 1.0)
RUSH = (7.8, 8.3, 17.8, 18.4)
MEALS = (12.0, 18.5, 20.5)


@dataclass(frozen=True, slots=True)
class ComplaintKind:
    """One kind: its share, habits and wordings."""

    name: str
    weight: float  # share among the complaints that come whatever the weather
    texts: dict[Language, tuple[str, ...]]
    hours: tuple[float, ...] = DAY
    hours_spread: float = 1.5
    several: float = 0.1  # chance that more than one person reports the same matter
    per_mm: float = 0.0  # matters per mm of rain, as a share of the week's complaints

    @property
    def exaggerated(self) -> dict[Language, tuple[str, ...]]:
        """The same matter told by somebody who exaggerates; empty where nobody does."""
        return EXAGGERATED.get(self.name, {})


# What angry or frightened people say of everyday matters, in the words of real danger.
EXAGGERATED: dict[str, dict[Language, tuple[str, ...]]] = {
    "crowded bus": {
        "zh": ("公交车挤得喘不过气",),
        "en": ("squeezed into the bus, cannot breathe",),
    },
    "crowded place": {
        "zh": ("校门口有孩子被挤倒",),
        "en": ("pushed over at the school gate",),
    },
    "lift": {
        "zh": ("困在电梯里十分钟，后来自己开了",),
        "en": ("stuck in the lift for ten minutes, it opened again",),
    },
    "wall": {
        "zh": ("老房子墙体异响，怕倒塌",),
        "en": ("the old wall is about to collapse",),
    },
    "small fire": {
        "zh": ("垃圾桶有明火，已经浇灭",),
        "en": ("flames from a bin, it is out now",),
    },
    "gas smell": {
        "zh": ("煤气味很浓烈",),
        "en": ("a strong smell of gas in the kitchen",),
    },
}


def _kind(
    name: str, weight: float, zh: tuple[str, ...], en: tuple[str, ...], **habits: object
) -> ComplaintKind:
    texts: dict[Language, tuple[str, ...]] = {"zh": zh, "en": en}
    return ComplaintKind(name=name, weight=weight, texts=texts, **habits)  # type: ignore[arg-type]


KINDS: tuple[ComplaintKind, ...] = (
    _kind(
        "noise", 18,
        ("夜间施工噪音扰民", "楼下烧烤摊半夜还在放音响", "广场舞声音太大"),
        ("construction noise at night", "loud music from the street stall", "the square is too loud"),
        hours=NIGHT, several=0.25,
    ),
    _kind(
        "parking", 16,
        ("车辆违停占用人行道", "小区门口乱停车", "消防通道被私家车堵住"),
        ("cars parked on the pavement", "cars block the gate", "a car blocks the fire lane"),
    ),
    _kind(
        "rubbish", 12,
        ("垃圾好几天没有清运，味道很大", "建筑垃圾堆在路边", "垃圾桶旁有臭味"),
        ("rubbish has not been collected, bad smell", "rubble left by the road", "bins smell"),
    ),
    _kind(
        "street lamp", 6,
        ("路灯不亮", "整条街路灯都坏了"),
        ("a street lamp is out", "the whole street is dark"),
    ),
    _kind(
        "water supply", 6,
        ("水压太低，六楼没水", "自来水发黄", "停水没有提前通知"),
        ("water pressure is too low", "tap water is yellow", "no water and no notice"),
        several=0.3,
    ),
    _kind(
        "road", 6,
        ("路面有坑，骑车差点摔倒", "井盖松动，车压过去响", "人行道地砖破损"),
        ("a hole in the road, nearly fell off my bike", "a loose manhole cover", "broken paving"),
        several=0.15,
    ),
    _kind(
        "tree", 4,
        ("树枝快要掉下来了", "路边一棵树倒了压着电线", "大风刮断树枝挡住路"),
        ("a tree is falling over the pavement", "a fallen tree lies on a cable", "a branch may fall"),
        several=0.35, per_mm=0.00008,
    ),
    _kind(
        "crowded bus", 5,
        ("公交车太挤了，上不去", "早高峰地铁站人太多，排队进不去", "公交站人挤人"),
        ("the bus is too crowded, people push at the door", "too many people at the station",
         "crowded bus again, could not get on"),
        hours=RUSH, hours_spread=0.3, several=0.3,
    ),
    _kind(
        "crowded place", 3,
        ("放学时校门口人多拥挤", "早市人太多，走不动", "商场搞活动人挤人"),
        ("crowd at the school gate", "the market is full of people", "a sale draws a crowd"),
        hours=(7.5, 16.5, 19.0), hours_spread=0.4, several=0.25,
    ),
    _kind(
        "restaurant smell", 6,
        ("饭店油烟味太大", "楼下餐馆排烟管对着窗户", "烧烤摊冒烟呛人"),
        ("cooking smell from the restaurant", "fumes blow into my window", "barbecue smoke"),
        hours=MEALS, several=0.2,
    ),
    _kind(
        "drain smell", 3,
        ("下水道反味，很臭", "化粪池满了有臭味"),
        ("bad smell from the drain", "the septic tank smells"),
    ),
    _kind(
        "gas smell", 0.6,
        ("楼道里好像有煤气味", "厨房有一点燃气味，请来看看"),
        ("there may be a smell of gas in the stairwell", "a faint smell of gas in the kitchen"),
        several=0.15,
    ),
    _kind(
        "roof leak", 4,
        ("顶楼漏水", "楼上漏水到我家"),
        ("the roof leaks", "water drips from the flat above"),
        per_mm=0.0004,
    ),
    _kind(
        "puddle", 1,
        ("路口积水，走路要绕", "小区门口有积水", "雨后下水道排水慢，路面积水"),
        ("a puddle at the crossing", "water stands at the gate", "the drain is slow after rain"),
        several=0.3, per_mm=0.0010,
    ),
    _kind(
        "lift", 4,
        ("电梯坏了三天没人修", "电梯抖动有异响", "电梯停在一楼不动"),
        ("the lift has been broken for three days", "the lift shakes", "the lift stands still"),
        several=0.2,
    ),
    _kind(
        "wall", 2,
        ("墙皮脱落", "老房子墙上有裂缝", "外墙瓷砖掉下来一块"),
        ("plaster comes off the wall", "a crack in an old wall", "a tile fell from the facade"),
    ),
    _kind(
        "building work", 3,
        ("楼上违法加盖", "邻居敲承重墙装修"),
        ("an illegal extra storey", "the neighbour knocks on a bearing wall"),
    ),
    _kind(
        "electric bikes", 4,
        ("电动车在楼道充电", "飞线充电怕着火"),
        ("electric bikes charge in the stairwell", "a cable from a window, it may catch fire"),
    ),
    _kind(
        "dogs", 3,
        ("遛狗不牵绳", "流浪狗追人"),
        ("a dog without a lead", "stray dogs follow people"),
    ),
    _kind(
        "small fire", 0.5,
        ("垃圾桶冒烟，已经浇灭", "有人在路边烧纸"),
        ("a bin was smoking, it is out now", "somebody burns paper by the road"),
        several=0.3,
    ),
)  # fmt: skip

"""The words of a case's life: states, triggers, stages, kinds of clock."""

from __future__ import annotations

from enum import StrEnum


class CaseState(StrEnum):
    """Where a case stands; not every kind of case knows every state."""

    # Hidden danger (隐患): the closed loop of domain facts §2.5.
    FOUND = "found"  # 发现
    REGISTERED = "registered"  # 登记
    GRADED = "graded"  # 判定
    ASSIGNED = "assigned"  # 交办
    FIXING = "fixing"  # 整改
    SELF_CHECKED = "self_checked"  # 自验
    RECHECKED = "rechecked"  # 复查
    # Service case (事件): the flow of domain facts §3.3; device cases use the last part of it.
    REPORTED = "reported"  # 上报
    ACCEPTED = "accepted"  # 受理
    VERIFIED = "verified"  # 核实
    OPENED = "opened"  # 立案
    DISPATCHED = "dispatched"  # 分派
    HANDLING = "handling"  # 处置
    FED_BACK = "fed_back"  # 反馈
    CHECKED = "checked"  # 核查
    # Both.
    ARBITRATING = "arbitrating"  # 裁定: nobody owns the matter yet, or its owner denies it
    SUSPENDED = "suspended"  # 挂起
    # Ended.
    CLOSED = "closed"  # 销号、结案
    RATED = "rated"  # 评价
    DISMISSED = "dismissed"  # 误报
    MERGED = "merged"  # 并案


ENDED = frozenset({CaseState.CLOSED, CaseState.RATED, CaseState.DISMISSED, CaseState.MERGED})


class Trigger(StrEnum):
    """What can be done with a case."""

    REGISTER = "register"
    GRADE = "grade"
    ASSIGN = "assign"
    BEGIN = "begin"
    SELF_CHECK = "self_check"
    RECHECK = "recheck"
    ACCEPT = "accept"
    VERIFY = "verify"
    OPEN = "open"
    DISPATCH = "dispatch"
    HANDLE = "handle"
    FEED_BACK = "feed_back"
    CHECK = "check"
    REJECT = "reject"  # the checker is not satisfied: back to work
    CLOSE = "close"
    RATE = "rate"
    RETURN = "return"  # 退回
    DECIDE = "decide"  # 裁定
    REASSIGN = "reassign"  # 改派
    SUSPEND = "suspend"  # 挂起
    RESUME = "resume"
    EXTEND = "extend"  # 延期
    URGE = "urge"  # 督办
    LIST = "list"  # 挂牌督办
    ENFORCE = "enforce"  # 移送执法
    RAISE = "raise"  # priority
    DISMISS = "dismiss"  # 误报
    MERGE = "merge"  # 并案
    REOPEN = "reopen"  # 重开


class Stage(StrEnum):
    """Which stretch of a case's life a clock measures."""

    ACCEPT = "accept"
    HANDLE = "handle"
    CHECK = "check"
    ARBITRATE = "arbitrate"
    TASK = "task"
    SUSPEND = "suspend"


class ClockKind(StrEnum):
    """Why a clock runs."""

    STAGE = "stage"
    ESCALATION = "escalation"
    SUSPENSION = "suspension"
    TASK = "task"
    LISTING = "listing"  # supervision by the government ends


class Proof(StrEnum):
    """On what a case was closed."""

    SECOND_PERSON = "second_person"
    MEASUREMENT = "measurement"
    FALSE_ALARM = "false_alarm"
    MERGED = "merged"

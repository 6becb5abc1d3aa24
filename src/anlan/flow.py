"""Every event and who hears it: the whole flow on one page.

A listener is called in journal order, at least once, in its own transaction
(``infra/delivery.py``).  An event that nobody hears stands here with an empty
tuple, on purpose: it is journalled and sealed all the same.
"""

from __future__ import annotations

from anlan.accountability.domain import events as accountability
from anlan.infra.delivery import Listener
from anlan.kernel.events import Event
from anlan.notices.domain import events as notices
from anlan.registry.domain import events as registry
from anlan.response import device_handlers
from anlan.response import handlers as response_handlers
from anlan.response.domain import events as response
from anlan.sensing.domain import events as sensing
from anlan.warning import handlers as warning_handlers
from anlan.warning.domain import events as warning

REACTIONS: dict[type[Event], tuple[Listener, ...]] = {
    # registry
    registry.CityLoaded: (response_handlers.on_city_loaded,),
    registry.CityRowsLoaded: (),
    registry.CityEdited: (),
    registry.ContactsShown: (),
    registry.AccountChanged: (),
    registry.TokenChanged: (),
    registry.ContentsDestroyed: (),
    # sensing
    sensing.ReportReceived: (
        warning_handlers.on_report_received,
        response_handlers.on_report_received,
    ),
    sensing.LossAccepted: (),
    sensing.ReadingsRetired: (),
    sensing.ConnectorSecretMade: (),
    sensing.SignalReceived: (warning_handlers.on_signal,),
    sensing.ObservationCorrected: (),
    sensing.ObservationRemoved: (),
    sensing.SegmentSealed: (),
    sensing.StreamFaultFound: (device_handlers.on_stream_fault_found,),
    sensing.StreamFaultEnded: (device_handlers.on_stream_fault_ended,),
    sensing.MaintenanceSet: (),
    sensing.MaintenanceEnded: (),
    sensing.MultiDatastreamSet: (),
    sensing.MultiDatastreamEnded: (),
    sensing.MessageKeptAside: (),
    sensing.MessageReleased: (),
    sensing.ContentsRead: (),
    # warning
    # One listener for all that happens to an alert: it must hear it in order.
    warning.AlertRaised: (response_handlers.on_alert,),
    warning.AlertLevelChanged: (response_handlers.on_alert,),
    warning.AlertCleared: (response_handlers.on_alert,),
    warning.IncidentGrew: (response_handlers.on_alert,),
    warning.WarningInForceChanged: (response_handlers.on_warning_in_force_changed,),
    warning.ResponseDeclared: (),
    # response
    response.CaseOpened: (),
    response.CaseMoved: (),
    response.CaseNoted: (),
    response.CaseLevelRaised: (),
    response.CaseSignCleared: (),
    response.CaseOwnerChanged: (),
    response.CasePriorityRaised: (),
    response.SignJoinedCase: (),
    response.SignLeftCase: (),
    response.MembersJoined: (),
    response.MembersCleared: (),
    response.IncidentTold: (),
    response.CaseClockMissed: (),
    response.CaseEscalated: (),
    response.CaseUrged: (),
    response.CasesMerged: (),
    response.TaskGiven: (),
    response.TaskAnswered: (),
    # notices
    notices.NoticePosted: (),
    notices.NoticeAnswered: (),
    notices.NoticeReminded: (),
    notices.DeliveriesShown: (),
    notices.QuietHoursSet: (),
    notices.DeliveryChanged: (),
    notices.DutyHandedOver: (),
    # accountability
    accountability.CheckpointSigned: (),
    accountability.LedgerKeyRotated: (),
    accountability.BreachFound: (),
    accountability.BreachMended: (),
    accountability.OwnCaseRaised: (),
    accountability.SystemSick: (),
    accountability.SystemWell: (),
}

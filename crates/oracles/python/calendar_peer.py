"""PyPI icalendar reads a calendar file of ours. Standard input: {"ics": text}."""

import json
import sys

from icalendar import Calendar


def main():
    job = json.load(sys.stdin)
    calendar = Calendar.from_ical(job["ics"])
    events = []
    for event in calendar.walk("VEVENT"):
        alarms = [a.decoded("TRIGGER").days for a in event.walk("VALARM")]
        events.append(
            {
                "uid": str(event["UID"]),
                "title": str(event["SUMMARY"]),
                "from": event.decoded("DTSTART").isoformat(),
                "until": event.decoded("DTEND").isoformat(),
                "stamp": event.decoded("DTSTAMP").isoformat(),
                "class": str(event["CLASS"]),
                "reminders": sorted(alarms),
                "errors": [str(e) for e in event.errors],
            }
        )
    # A line of the file is at most 75 octets long, without its end (RFC 5545, 3.1).
    longest = max(len(line) for line in job["ics"].encode().split(b"\r\n"))
    json.dump({"version": str(calendar["VERSION"]), "events": events, "longest": longest}, sys.stdout)


main()

package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/template"
	"time"

	"github.com/spf13/cobra"

	"github.com/minibridge/minibridge/internal/engine"
)

// An eventMessage is an event as templates and JSON see it: Docker's fields.
type eventMessage struct {
	Status   string `json:"status,omitempty"` // of containers, by the older names
	ID       string `json:"id,omitempty"`
	From     string `json:"from,omitempty"`
	Type     string
	Action   string
	Actor    eventActor
	Scope    string `json:"scope,omitempty"`
	Time     int64  `json:"time,omitempty"`
	TimeNano int64  `json:"timeNano,omitempty"`
}

type eventActor struct {
	ID         string
	Attributes map[string]string
}

// eventTime has all nine decimals, as Docker's.
const eventTime = "2006-01-02T15:04:05.000000000Z07:00"

func (a *app) eventsCommand() *cobra.Command {
	var since, until, format string
	var o engine.EventOptions
	c := &cobra.Command{
		Use:   "events [OPTIONS]",
		Short: "Print what happens to containers and networks",
		Long: `Print what happens to containers and networks, one event a line, until it is
interrupted or the time of --until has come; with either what has happened
before, too. About two megabytes of the past are kept, until a reboot.`,
		Example: "  minibridge events --since 1h --until 0s\n" +
			"  minibridge events --since 10m --until 0s -f event=connect\n" +
			"  minibridge events --since 10m --until 0s --format '{{.Type}} {{.Action}}'",
		Args: none,
		RunE: func(c *cobra.Command, _ []string) (err error) {
			print, err := eventPrinter(format)
			if err != nil {
				return err
			}
			if o.Since, err = eventLimit(since); err != nil {
				return err
			}
			if o.Until, err = eventLimit(until); err != nil {
				return err
			}
			e, err := a.onlooking(c)
			if err != nil {
				return err
			}
			return a.seenEnough(e.Events(c.Context(), o, func(ev engine.Event) error {
				if err := print(a.out, ev); err != nil {
					return err
				}
				return a.out.err
			}))
		},
	}
	c.Flags().StringVar(&since, "since", "", "print what has happened since a `time`, or so long ago (10m), too")
	c.Flags().StringVar(&until, "until", "", "print what is kept of the past, too, and end at this `time`, or with what happened so long ago")
	c.Flags().StringVar(&format, "format", "", "print through a Go `template`, or as json")
	filterFlag(c.Flags(), &o.Filters, "f", "print those with KEY=VALUE", engine.EventKeys()...)
	return c
}

func eventLimit(value string) (time.Time, error) {
	if value == "" {
		return time.Time{}, nil
	}
	t, err := parseTime(value, time.Now())
	if err != nil {
		err = &engine.Error{Text: err.Error()}
	}
	return t, err
}

// eventPrinter reads --format. A template is tried at once, as in Docker.
func eventPrinter(format string) (func(io.Writer, engine.Event) error, error) {
	switch format {
	case "":
		return printEvent, nil
	case "json":
		format = "{{json .}}"
	}
	t, err := template.New("").Funcs(functions).Parse(format)
	if err == nil {
		err = t.Execute(io.Discard, &eventMessage{})
	}
	if err != nil {
		return nil, &engine.Error{Text: "Error parsing format: " + templateText(err), Code: badTemplate}
	}
	return func(w io.Writer, ev engine.Event) error {
		if err := t.Execute(w, messageOf(ev)); err != nil {
			return err
		}
		_, err := io.WriteString(w, "\n")
		return err
	}, nil
}

func messageOf(ev engine.Event) *eventMessage {
	m := &eventMessage{
		Type: ev.Type, Action: ev.Action, Actor: eventActor{ev.ID, ev.Attributes}, Scope: "local",
		Time: ev.Time.Unix(), TimeNano: ev.Time.UnixNano(),
	}
	if ev.Type == "container" {
		m.Status, m.ID = ev.Action, ev.ID
	}
	return m
}

// printEvent writes Docker's line.
func printEvent(w io.Writer, ev engine.Event) error {
	var facts []string
	for _, key := range slices.Sorted(maps.Keys(ev.Attributes)) {
		facts = append(facts, key+"="+ev.Attributes[key])
	}
	line := fmt.Sprintf("%s %s %s %s (%s)", ev.Time.Local().Format(eventTime), ev.Type, ev.Action, ev.ID, strings.Join(facts, ", "))
	_, err := fmt.Fprintln(w, engine.Printable(line))
	return err
}

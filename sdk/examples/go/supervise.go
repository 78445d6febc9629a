package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// What to run.
type spec struct {
	Argv, Env           []string
	Cwd, Stdout, Stderr string
}

// named is a process together with the time of its start: a pid alone does not name one.
type named struct {
	Pid     int
	Started string
}

type started struct {
	Process named
	At      time.Time
	Problem string
}

type exit struct {
	Code, Signal int
	At           time.Time
}

const subreaper = 36 // PR_SET_CHILD_SUBREAPER

// statOf gives the fields of /proc/PID/stat after the name; the first is the state.
func statOf(pid int) []string {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return nil
	}
	return strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
}

func nameOf(pid int) named {
	fields := statOf(pid)
	if len(fields) < 22 {
		return named{}
	}
	return named{pid, fields[19]}
}

func descendants(pid int) []int {
	found, left := []int{}, []int{pid}
	for len(left) > 0 {
		lists, _ := filepath.Glob("/proc/" + strconv.Itoa(left[0]) + "/task/*/children")
		left = left[1:]
		for _, list := range lists {
			text, _ := os.ReadFile(list)
			for _, field := range strings.Fields(string(text)) {
				child, _ := strconv.Atoi(field)
				found, left = append(found, child), append(left, child)
			}
		}
	}
	return found
}

// killAll ends whatever the task has left, whichever session it made: orphans become children of ours.
func killAll() {
	for {
		for _, pid := range descendants(os.Getpid()) {
			syscall.Kill(pid, syscall.SIGKILL)
		}
		if _, err := syscall.Wait4(-1, nil, 0, nil); err == syscall.ECHILD {
			return
		}
	}
}

// writeWhole: a reader sees all of the file or nothing of it.
func writeWhole(path string, value interface{}) error {
	text, err := json.Marshal(value)
	if err == nil {
		err = os.WriteFile(path+".new", text, 0600)
	}
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	return err
}

func readWhole(path string, value interface{}) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, value)
}

// openOutput opens a FIFO for both: it does not wait for a reader, and a reader that goes away kills nobody.
func openOutput(path string) (*os.File, error) {
	if path == "" {
		path = os.DevNull
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	flags := os.O_WRONLY | os.O_APPEND
	if info.Mode()&os.ModeNamedPipe != 0 {
		flags = os.O_RDWR
	}
	// Not os.OpenFile: that would make the descriptor, and the task's with it, non-blocking.
	descriptor, err := syscall.Open(path, flags|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(descriptor), path), nil
}

// supervise is the parent of one task. It outlives the driver; SIGTERM ends everything. One line on standard output says how
// the start went, the exit is in STATE/exit.json before the process ends.
func supervise(state string) {
	runtime.LockOSThread()
	runtime.GOMAXPROCS(1)
	syscall.RawSyscall(syscall.SYS_PRCTL, subreaper, 1, 0)
	syscall.Umask(022)
	ending := make(chan os.Signal, 1)
	signal.Notify(ending, syscall.SIGTERM)
	go func() {
		<-ending
		killAll()
		os.Exit(1)
	}()
	say := func(how started) {
		text, _ := json.Marshal(how)
		os.Stdout.Write(append(text, '\n'))
	}
	fail := func(err error) {
		say(started{Problem: err.Error()})
		os.Exit(1)
	}

	var what spec
	if err := readWhole(state+"/spec.json", &what); err != nil {
		fail(err)
	}
	if err := writeWhole(state+"/supervisor.json", nameOf(os.Getpid())); err != nil {
		fail(err)
	}
	out, err := openOutput(what.Stdout)
	if err != nil {
		fail(err)
	}
	errors, err := openOutput(what.Stderr)
	if err != nil {
		fail(err)
	}
	command := &exec.Cmd{Path: what.Argv[0], Args: what.Argv, Env: what.Env, Dir: what.Cwd, Stdout: out, Stderr: errors, SysProcAttr: &syscall.SysProcAttr{Setsid: true}}
	if command.Env == nil {
		command.Env = []string{}
	}
	if err := command.Start(); err != nil {
		fail(err)
	}
	out.Close()
	errors.Close()
	how := started{Process: nameOf(command.Process.Pid), At: time.Now()}
	writeWhole(state+"/started.json", how)
	say(how)
	os.Stdout.Close() // nobody's pipe is held

	var status syscall.WaitStatus
	for {
		if pid, err := syscall.Wait4(-1, &status, 0, nil); pid == command.Process.Pid || err == syscall.ECHILD {
			break
		}
	}
	end := exit{Code: status.ExitStatus(), At: time.Now()}
	if status.Signaled() {
		end.Signal = int(status.Signal())
		end.Code = 128 + end.Signal
	}
	writeWhole(state+"/exit.json", end)
	killAll()
	os.Exit(0)
}

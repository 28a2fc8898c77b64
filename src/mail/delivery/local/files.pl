# Files of users, touched with the user's own rights: mbox with dot-lock and kernel locks, Maildir, reading.
# Perl, for Node has no fcntl(2) locks; run by file-tool.ts as `perl -e TEXT VERB NAME=VALUE …`, with the message on
# standard input. The answer is the first line of standard output: `OK`, or `ERR ERRNO TEXT`; what is read follows.
use strict;
use warnings;
use Fcntl qw(:DEFAULT :flock :mode :seek);
use Errno;

my ($verb, @words) = @ARGV;
my %arg;
my @paths;
for (@words) { if (/^path=(.*)$/s) { push @paths, $1 } elsif (/^(\w+)=(.*)$/s) { $arg{$1} = $2 } }
my @undo; # what must go whatever happens: lock files, files in tmp

sub undo { $_->() for reverse splice @undo }
sub answer { undo(); print "OK @_\n"; exit 0 }
# The name of errno, for Postfix's choice between 4.2.0, 4.3.0, 5.2.2; then the text.
sub fail {
  my ($text, $errno) = @_;
  my ($name) = grep { $!{$_} } qw(EAGAIN ESTALE ENOSPC EDQUOT EFBIG EEXIST EACCES EPERM ENOENT ENOTDIR);
  $name = $errno // $name // 'EOTHER';
  undo();
  $text =~ s/[\n\0]/ /g;
  print "ERR $name $text\n";
  exit 0;
}
$SIG{TERM} = $SIG{INT} = $SIG{HUP} = sub { undo(); exit 75 };
$SIG{PIPE} = 'IGNORE';

# struct flock of 64-bit Linux: type, whence, start, len, pid.
sub fcntl_lock { my $lock = pack('s s x4 q q l x4', F_WRLCK, SEEK_SET, 0, 0, 0); return fcntl($_[0], F_SETLK, $lock) }

sub retry {
  my ($try) = @_;
  for my $n (1 .. $arg{attempts}) {
    return 1 if $try->();
    return 0 unless $!{EAGAIN} || $!{EACCES} || $!{EEXIST};
    select undef, undef, undef, $arg{delay} if $n < $arg{attempts};
  }
  return 0;
}

sub dot_lock {
  my ($path) = @_;
  my $lock = "$path.lock";
  for my $n (1 .. $arg{attempts}) {
    if (sysopen(my $fh, $lock, O_WRONLY | O_CREAT | O_EXCL, 0)) { push @undo, sub { unlink $lock }; return }
    my ($why, $errno) = ("unable to create lock file $lock: $!", $!{EEXIST} ? 'EAGAIN' : undef);
    if (!$!{EEXIST}) { return $arg{may_fail} ? print(STDERR "$why\n") : fail($why) }
    my @st = lstat $lock;
    if (@st && time - $st[9] > $arg{stale}) { unlink $lock; next }
    fail($why, $errno) if $n == $arg{attempts};
    select undef, undef, undef, $arg{delay};
  }
  fail("unable to create lock file $lock: File exists", 'EAGAIN');
}

# Whether only root makes files beside this one: a link there is root's own doing.
sub roots_alone {
  my ($dir) = $_[0] =~ m{^(.*)/[^/]*$};
  my @st = stat(defined $dir ? ($dir eq '' ? '/' : $dir) : '.');
  return @st && $st[4] == 0 && !($st[2] & 022);
}

# Opens or makes a file that is no trap: no foreign symbolic link, no second name.
sub safe_open {
  my ($path, $mode) = @_;
  my $fh;
  if (sysopen($fh, $path, $mode | O_NONBLOCK)) {
    my @st = stat $fh;
    my @link = lstat $path;
    fail("file is a symbolic link", 'EPERM') if S_ISLNK($link[2] // 0) && !($link[4] == 0 && roots_alone($path));
    fail("file has $st[3] hard links", 'EPERM') if S_ISREG($st[2]) && $st[3] != 1;
    fail("file is a directory", 'EOTHER') if S_ISDIR($st[2]);
    return $fh;
  }
  fail("cannot open file: $!") unless $!{ENOENT} && $arg{create};
  sysopen($fh, $path, $mode | O_NONBLOCK | O_CREAT | O_EXCL, 0600) or fail("cannot create file exclusively: $!");
  return $fh;
}

sub locked_open {
  my ($path, $mode) = @_;
  # Before the file is opened, as Postfix does; never beside /dev/null and the like.
  my @before = stat $path;
  dot_lock($path) if $arg{locks} =~ /dotlock/ && (!@before || S_ISREG($before[2]));
  my $fh = safe_open($path, $mode);
  my @st = stat $fh;
  if (S_ISREG($st[2])) {
    retry(sub { flock $fh, LOCK_EX | LOCK_NB }) or fail("unable to lock for exclusive access: $!", 'EAGAIN') if $arg{locks} =~ /flock/;
    retry(sub { fcntl_lock($fh) }) or fail("unable to lock for exclusive access: $!", 'EAGAIN') if $arg{locks} =~ /fcntl/;
    @st = stat $fh;
    fail('target file status changed unexpectedly', 'EAGAIN') if $st[3] != 1;
  }
  return ($fh, @st);
}

# Copies standard input up to the mark at its end; answers octets written, undef with $! set. Without the mark whoever hands the
# message over was ended in the middle of it, and part of a message is none.
sub copy_input {
  my ($fh, $size, $limit) = @_;
  my $held = '';
  while (sysread STDIN, $held, 65536, length $held) {
    my $n = length($held) - length $arg{mark};
    next if $n <= 0;
    if ($limit && $size + $n > $limit) { $! = &Errno::EFBIG; return undef }
    for (my $at = 0; $at < $n;) { my $w = syswrite $fh, $held, $n - $at, $at; return undef unless defined $w; $at += $w }
    substr $held, 0, $n, '';
    $size += $n;
  }
  if ($held ne $arg{mark}) { $! = &Errno::EAGAIN; return undef }
  return $size;
}

sub sync_file { require IO::Handle; return $_[0]->sync }

if ($verb eq 'mbox') {
  umask 077;
  my ($path) = @paths;
  my ($fh, @st) = locked_open($path, O_WRONLY | O_APPEND);
  fail("destination $path is not a regular file", 'EOTHER') if $arg{mailbox} && !S_ISREG($st[2]);
  fail("destination $path is not owned by recipient", 'EAGAIN') if $arg{owner} && $st[4] != $arg{owner};
  fail('destination file is executable', 'EOTHER') if $arg{no_exec} && S_ISREG($st[2]) && $st[2] & 0111;
  my $end = $st[7];
  my $size = copy_input($fh, $end, S_ISREG($st[2]) ? $arg{limit} : 0);
  if (!defined $size || (S_ISREG($st[2]) && !sync_file($fh))) {
    my $why = "error writing message: $!";
    my ($name) = grep { $!{$_} } qw(ENOSPC EDQUOT EFBIG EAGAIN ESTALE);
    truncate $fh, $end if S_ISREG($st[2]);
    fail($why, $name // 'EWRITE');
  }
  answer($end);
}

sub make_dirs { my ($dir) = @_; return 1 if -d $dir; my ($up) = $dir =~ m{^(.*)/[^/]+/*$}; make_dirs($up) if defined $up && $up ne '' && !-d $up; return mkdir($dir, 0700) || $!{EEXIST} }

if ($verb eq 'maildir') {
  umask 077;
  my ($dir) = @paths; # ends in /
  my $temporary = "${dir}tmp/$arg{seconds}.P$$.$arg{host}";
  my $fh;
  sysopen($fh, $temporary, O_WRONLY | O_CREAT | O_EXCL, 0600)
    or ($!{ENOENT} && make_dirs("${dir}tmp") && sysopen($fh, $temporary, O_WRONLY | O_CREAT | O_EXCL, 0600))
    or fail("create maildir file $temporary: $!");
  push @undo, sub { unlink $temporary };
  my @st = stat $fh;
  my $final = sprintf '%snew/%s.V%xI%xM%s.%s', $dir, $arg{seconds}, $st[0], $st[1], $arg{micros}, $arg{host};
  defined copy_input($fh, 0, $arg{limit}) && sync_file($fh) or fail("error writing message: $!");
  link($temporary, $final)
    or ($!{ENOENT} && make_dirs("${dir}new") && make_dirs("${dir}cur") && link($temporary, $final))
    or fail("create maildir file $final: $!");
  answer($final);
}

# The first of some files that is there, with what .forward needs to know of it. A file that is no regular one is not read.
if ($verb eq 'read') {
  for my $n (0 .. $#paths) {
    my @st = $arg{follow} ? stat $paths[$n] : lstat $paths[$n];
    next unless @st;
    my $kind = S_ISREG($st[2]) ? 'file' : 'other';
    my $text = '';
    my $problem = '';
    if ($kind eq 'file' && !($st[2] & 02)) {
      if (sysopen(my $fh, $paths[$n], O_RDONLY | O_NONBLOCK)) { sysread $fh, $text, $arg{limit} } else { $problem = "$!" }
    }
    $problem =~ s/\n/ /g;
    print "OK $n $kind ", $st[2] & 07777, " $st[4] $problem\n$text";
    exit 0;
  }
  answer('none');
}

# What came into a file behind `from`, under the locks that its writer would hold: size, then the octets.
if ($verb eq 'collect') {
  my ($path) = @paths;
  my ($fh, @st) = $arg{locks} ? locked_open($path, O_RDWR) : do { my $f = safe_open($path, O_RDONLY); ($f, stat $f) };
  fail("$path is not a regular file", 'EOTHER') unless S_ISREG($st[2]);
  my $size = $st[7] - $arg{from};
  fail("$path holds $size octets of new mail", 'EFBIG') if $size > $arg{limit};
  sysseek $fh, $arg{from}, SEEK_SET;
  my $buf = '';
  while (length $buf < $size) { sysread $fh, $buf, $size - length $buf, length $buf or last }
  undo();
  binmode STDOUT;
  print "OK $st[7]\n$buf";
  exit 0;
}

# Takes away what was collected: a file of its own, or the end of an mbox if nothing came behind it meanwhile.
if ($verb eq 'clear') {
  my ($path) = @paths;
  if (!$arg{locks}) { unlink $path or $!{ENOENT} or fail("cannot remove $path: $!"); answer() }
  my ($fh, @st) = locked_open($path, O_RDWR);
  fail("$path has changed meanwhile", 'EOTHER') if $st[7] != $arg{to};
  truncate $fh, $arg{from} or fail("cannot truncate $path: $!");
  sync_file($fh);
  answer();
}

# Keeps others away from a file until standard input ends, so that it can be read as a whole.
if ($verb eq 'hold') {
  my ($path) = @paths;
  $| = 1;
  # Where nobody may write, on a copy say, nobody does.
  if (!sysopen(my $try, $path, O_RDWR | O_NONBLOCK) && ($!{EROFS} || $!{EACCES})) {
    print STDERR "not locked: $!\n";
    print "OK -\n";
    1 while sysread STDIN, my $more, 65536;
    exit 0;
  }
  my ($fh, @st) = locked_open($path, O_RDWR);
  fail("$path is not a regular file", 'EOTHER') unless S_ISREG($st[2]);
  print "OK $st[7]\n";
  my $buf;
  1 while sysread STDIN, $buf, 65536;
  undo();
  exit 0;
}

if ($verb eq 'home') { stat $paths[0] or fail("$!"); answer() }

fail("unknown verb $verb", 'EOTHER');

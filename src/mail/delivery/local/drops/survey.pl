# What lies in the folders that a user's mailbox_command may file into: run as the user by `perl -e TEXT … NAME=VALUE`.
# Prints `OK COUNT`, then a line an entry: kind (m mbox, f file of a Maildir or MH folder), size, device:inode, folder, path,
# parted by tabs. With rc=1 the folders are procmail's: MAILDIR, DEFAULT, ORGMAIL and folder names out of its rc files.
use strict;
use warnings;
use Fcntl ':mode';

my %arg = map { /^(\w+)=(.*)$/s ? ($1, $2) : () } @ARGV;
my ($home, $user, $limit) = @arg{qw(home user limit)};
my (@roots, %folder_of, %ignored, %seen, $count);
my @lines;

# A name to show it by: Maildir++ writes `.lists.postfix` for lists/postfix.
sub folder { my ($name) = @_; $name =~ s{/+$}{}; $name =~ s{^\.}{} and $name =~ tr{.}{/}; return $name }
sub too_many { print "ERR EMANY more than $limit entries\n"; exit 0 }

sub entry {
  my ($kind, $path, $folder) = @_;
  return if $path =~ /[\t\n]/ || $seen{$path}++ || $ignored{$path};
  my @st = lstat $path or return;
  return unless S_ISREG($st[2]);
  too_many() if ++$count > $limit;
  push @lines, join("\t", $kind, $st[7], "$st[0]:$st[1]", $folder, $path);
}

sub names { my ($dir) = @_; opendir(my $d, $dir) or return; my @n = grep { !/^\.\.?$/ } readdir $d; return sort @n }

# An mbox begins with From_ or is empty; what else there is, is no mailbox.
sub mbox {
  my ($path, $folder) = @_;
  return if $path =~ /\.lock$/ || !-f $path || -l $path;
  if (-s _) { open(my $fh, '<', $path) or return; read($fh, my $start, 5); return if $start ne 'From ' }
  entry('m', $path, $folder);
}

sub is_maildir { return -d "$_[0]/new" && -d "$_[0]/cur" }

sub maildir {
  my ($dir, $folder) = @_;
  entry('f', "$dir/new/$_", $folder) for names("$dir/new");
  entry('f', "$dir/cur/$_", $folder) for names("$dir/cur");
  for (names($dir)) { maildir("$dir/$_", $folder eq 'INBOX' ? folder($_) : "$folder/" . folder($_)) if /^\.[^.]/ && is_maildir("$dir/$_") }
}

# MH files have a number for a name, procmail's plain directories `msg.` and a suffix.
sub directory {
  my ($dir, $folder) = @_;
  for (names($dir)) { entry('f', "$dir/$_", $folder) if /^\d+$/ || (/^msg\../ && !/\.lock$/) }
}

sub place {
  my ($path, $folder) = @_;
  return if -l $path && !-e $path;
  if (!-d $path) { mbox($path, $folder) } elsif (is_maildir($path)) { maildir($path, $folder) } else { directory($path, $folder) }
}

sub walk {
  my ($dir, $prefix, $depth) = @_;
  for my $name (names($dir)) {
    my $path = "$dir/$name";
    too_many() if ++$count > $limit;
    next if -l $path;
    next if $name =~ /^\./ && !is_maildir($path);
    my $folder = $prefix eq '' ? folder($name) : "$prefix/$name";
    place($path, $folder);
    walk($path, $folder, $depth - 1) if $depth > 1 && -d $path && !is_maildir($path);
  }
}

my %var;
sub expand {
  my ($text) = @_;
  return undef if $text =~ /`/;
  $text =~ s/^(["'])(.*)\1$/$2/;
  my $known = 1;
  $text =~ s/\$\{?(\w+)\}?/defined $var{$1} ? $var{$1} : do { $known = 0; '' }/ge;
  $text =~ s{^~/}{$home/};
  return $known ? $text : undef;
}

my @named;
sub read_rc {
  my ($file, $depth) = @_;
  return if $depth > 10;
  open(my $fh, '<', $file) or return;
  my $n = 0;
  while (my $line = <$fh>) {
    last if ++$n > 10_000;
    $line =~ s/\\\n/readline($fh) \/\/ ''/e;
    $line =~ s/^\s+|\s+$//g;
    next if $line eq '' || $line =~ /^[#:*{}|!]/;
    $line =~ s/\s+#.*$//;
    if ($line =~ /^(\w+)\s*=\s*(.*)$/) {
      my ($name, $value) = ($1, expand($2));
      next unless defined $value;
      if ($name eq 'INCLUDERC' || $name eq 'SWITCHRC') { read_rc($value =~ m{^/} ? $value : "$var{MAILDIR}/$value", $depth + 1); next }
      $value = "$var{MAILDIR}/$value" if $name =~ /^(DEFAULT|ORGMAIL|LOGFILE)$/ && $value !~ m{^/};
      $var{$name} = $value;
      push @roots, $value if $name eq 'MAILDIR';
      $folder_of{$value} = 'INBOX' if $name eq 'DEFAULT' || $name eq 'ORGMAIL';
      $ignored{$value} = 1 if $name eq 'LOGFILE';
    } else {
      for my $word (split ' ', $line) {
        my $name = expand($word);
        push @named, $name =~ m{^/} ? $name : "$var{MAILDIR}/$name" if defined $name && $name ne '';
      }
    }
  }
}

%var = (HOME => $home, LOGNAME => $user, USER => $user, MAILDIR => $home, ORGMAIL => $arg{spool}, DEFAULT => $arg{spool});
$folder_of{$arg{spool}} = 'INBOX';
if ($arg{rc}) { read_rc('/etc/procmailrc', 0); read_rc("$home/.procmailrc", 0) }
else { $folder_of{"$home/Maildir"} = 'INBOX'; push @roots, "$home/mail" if -d "$home/mail" }
push @roots, $home if $arg{rc} && !@roots;

# What is named comes first, then what is found: a path is one folder only.
for my $path (sort keys %folder_of) { (my $plain = $path) =~ s{/+\.?$}{}; place($plain, 'INBOX') }
for my $path (@named) {
  $path =~ s{/+\.?$}{};
  my ($root) = grep { index($path, "$_/") == 0 } sort { length $b <=> length $a } @roots;
  my $name = defined $root ? substr($path, length($root) + 1) : ($path =~ m{([^/]+)$})[0];
  place($path, folder($name)) if defined $name && $path ne '/dev/null';
}
my %walked;
for my $root (@roots) {
  next if $walked{$root}++ || !-d $root;
  is_maildir($root) ? maildir($root, 'INBOX') : walk($root, '', $root eq $home ? 1 : 4);
}
print "OK ", scalar(@lines), "\n", map { "$_\n" } @lines;
